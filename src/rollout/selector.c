/* SPDX-License-Identifier: MPL-2.0 */
/*  rollout/selector.c - parsing and matching selectors

    The text becomes a tree of at most NODES_MOST nodes. A node refers to its parts by their index. So parsing
    takes a bounded time and no deep recursion, whatever the text. */

#include "rollout/selector.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/cleanup.h"

enum { NODES_MOST = 256, DEPTH_MOST = 32 };

enum kind { ALL, EQUAL, UNEQUAL, AND, OR, NOT };

struct node {
    enum kind kind;
    char *name, *value;   /* EQUAL, UNEQUAL */
    unsigned left, right; /* AND, OR; NOT: left */
};

struct rollout_selector {
    struct node nodes[NODES_MOST];
    unsigned count, root;
};

enum token { END, OPEN, CLOSE, IS, IS_NOT, WORD };

struct parser {
    struct rollout_selector *selector;
    const char *text, *at;
    enum token token;
    const char *begin; /* of the token in the text */
    char *word;        /* text of a WORD; owned */
    bool quoted;
    struct base_error *error;
};

static int and_parse (struct parser *parser, unsigned depth, unsigned *ret_node);
static int or_parse (struct parser *parser, unsigned depth, unsigned *ret_node);

static int parser_error (const struct parser *parser, const char *what)
{
    return base_error_set (parser->error, -EINVAL, "the selector \"%.200s\": %s at character %zu",
                           parser->text, what, (size_t) (parser->begin - parser->text) + 1);
}

/*  Reads the next token. */
static int parser_next (struct parser *parser)
{
    free (parser->word);
    parser->word = NULL;
    parser->at += strspn (parser->at, " \t\n");
    parser->begin = parser->at;
    parser->quoted = *parser->at == '"';
    static const struct {
        const char *text;
        enum token token;
    } signs[] = {{"(", OPEN}, {")", CLOSE}, {"!=", IS_NOT}, {"=", IS}};
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (strncmp (parser->at, signs[i].text, strlen (signs[i].text)) == 0) {
            parser->token = signs[i].token;
            parser->at += strlen (signs[i].text);
            return 0;
        }
    parser->token = *parser->at ? WORD : END;
    if (parser->token == END)
        return 0;
    size_t length = parser->quoted ? strcspn (parser->at + 1, "\"") : strcspn (parser->at, " \t\n()=!\"");
    if ((parser->quoted && parser->at[1 + length] != '"') || (!parser->quoted && length == 0))
        return parser_error (parser, parser->quoted ? "unterminated quote" : "unexpected character");
    parser->word = strndup (parser->at + parser->quoted, length);
    parser->at += length + (parser->quoted ? 2 : 0);
    return parser->word ? 0 : -ENOMEM;
}

static bool token_is_keyword (const struct parser *parser, const char *keyword)
{
    base_assert (parser->token != WORD || parser->word);
    return parser->token == WORD && !parser->quoted && strcmp (parser->word, keyword) == 0;
}

static int node_add (struct parser *parser, struct node node, unsigned *ret_node)
{
    if (parser->selector->count == NODES_MOST)
        return parser_error (parser, "more than 256 parts");
    *ret_node = parser->selector->count;
    parser->selector->nodes[parser->selector->count++] = node;
    return 0;
}

/*  "name = value", "name != value", or a pattern of ids. */
static int label_parse (struct parser *parser, unsigned *ret_node)
{
    if (parser->token != WORD || token_is_keyword (parser, "and") || token_is_keyword (parser, "or"))
        return parser_error (parser, "a label or an id is missing");
    base_cleanup (base_free_p) char *name = base_take (parser->word);
    base_cleanup (base_free_p) char *value = NULL;
    enum kind kind = EQUAL;
    int r = parser_next (parser);
    if (r < 0)
        return r;
    if (parser->token == IS || parser->token == IS_NOT) {
        kind = parser->token == IS ? EQUAL : UNEQUAL;
        r = parser_next (parser);
        if (r < 0)
            return r;
        if (parser->token != WORD)
            return parser_error (parser, "a value is missing");
        value = base_take (parser->word);
        r = parser_next (parser);
        if (r < 0)
            return r;
    } else {
        value = base_take (name);
        name = strdup ("id");
        if (!name)
            return -ENOMEM;
    }
    r = node_add (parser, (struct node){.kind = kind, .name = name, .value = value}, ret_node);
    if (r < 0)
        return r;
    (void) base_take (name);
    (void) base_take (value);
    return 0;
}

static int factor_parse (struct parser *parser, unsigned depth, unsigned *ret_node)
{
    if (depth == DEPTH_MOST)
        return parser_error (parser, "nested too deep");
    if (token_is_keyword (parser, "not")) {
        unsigned left = 0;
        int r = parser_next (parser);
        if (r < 0)
            return r;
        r = factor_parse (parser, depth + 1, &left);
        if (r < 0)
            return r;
        return node_add (parser, (struct node){.kind = NOT, .left = left}, ret_node);
    }
    if (parser->token != OPEN)
        return label_parse (parser, ret_node);
    int r = parser_next (parser);
    if (r < 0)
        return r;
    r = or_parse (parser, depth + 1, ret_node);
    if (r < 0)
        return r;
    if (parser->token != CLOSE)
        return parser_error (parser, "a closing parenthesis is missing");
    return parser_next (parser);
}

/*  A list of parts joined by "and" or "or". */
static int list_parse (struct parser *parser, unsigned depth, enum kind kind, unsigned *ret_node)
{
    int (*part) (struct parser *, unsigned, unsigned *) = kind == OR ? and_parse : factor_parse;
    unsigned left = 0, right = 0;
    int r = part (parser, depth, &left);
    if (r < 0)
        return r;
    while (token_is_keyword (parser, kind == OR ? "or" : "and")) {
        r = parser_next (parser);
        if (r < 0)
            return r;
        r = part (parser, depth, &right);
        if (r < 0)
            return r;
        r = node_add (parser, (struct node){.kind = kind, .left = left, .right = right}, &left);
        if (r < 0)
            return r;
    }
    *ret_node = left;
    return 0;
}

static int and_parse (struct parser *parser, unsigned depth, unsigned *ret_node)
{
    return list_parse (parser, depth, AND, ret_node);
}

static int or_parse (struct parser *parser, unsigned depth, unsigned *ret_node)
{
    return list_parse (parser, depth, OR, ret_node);
}

/*  The whole text; an empty one is the selector of all nodes. */
static int selector_parse (struct parser *parser)
{
    unsigned *root = &parser->selector->root;
    int r = parser_next (parser);
    if (r < 0)
        return r;
    if (parser->token == END)
        return node_add (parser, (struct node){.kind = ALL}, root);
    r = or_parse (parser, 0, root);
    if (r < 0)
        return r;
    if (parser->token != END)
        return parser_error (parser, "\"and\" or \"or\" is missing");
    return 0;
}

static void selector_free_p (struct rollout_selector **selector)
{
    (void) rollout_selector_free (*selector);
}

int rollout_selector_parse (const char *text, struct rollout_selector **ret_selector,
                            struct base_error *error)
{
    base_assert (text);
    base_assert (ret_selector);
    base_cleanup (selector_free_p) struct rollout_selector *selector = calloc (1, sizeof *selector);
    if (!selector)
        return base_error_errno (error, -ENOMEM, "cannot read the selector");
    struct parser parser = {.selector = selector, .text = text, .at = text, .error = error};
    int r = selector_parse (&parser);
    free (parser.word);
    if (r == -ENOMEM)
        return base_error_errno (error, r, "cannot read the selector");
    if (r < 0)
        return r;
    *ret_selector = base_take (selector);
    return 0;
}

struct rollout_selector *rollout_selector_free (struct rollout_selector *selector)
{
    for (unsigned i = 0; selector && i < selector->count; i++) {
        free (selector->nodes[i].name);
        free (selector->nodes[i].value);
    }
    free (selector);
    return NULL;
}

/*  Backtracks to the last * only, so that no pattern takes more steps than the product of both lengths. */
static bool pattern_matches (const char *pattern, const char *text)
{
    const char *star = NULL, *from = NULL;
    while (*text) {
        if (*pattern == '*') {
            star = pattern++;
            from = text;
        } else if (*pattern == '?' || *pattern == *text) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star + 1;
            text = ++from;
        } else
            return false;
    }
    return pattern[strspn (pattern, "*")] == '\0';
}

/*  A part has a lower index than the node it is a part of: one pass over all nodes is enough. */
bool rollout_selector_fits (const struct rollout_selector *selector, rollout_label *label, const void *node)
{
    base_assert (selector);
    base_assert (label);
    bool fits[NODES_MOST];
    for (unsigned i = 0; i < selector->count; i++) {
        const struct node *at = &selector->nodes[i];
        const char *value;
        switch (at->kind) {
        case ALL:
            fits[i] = true;
            break;
        case EQUAL:
        case UNEQUAL:
            value = label (node, at->name);
            fits[i] = (value && pattern_matches (at->value, value)) == (at->kind == EQUAL);
            break;
        case AND:
            fits[i] = fits[at->left] && fits[at->right];
            break;
        case OR:
            fits[i] = fits[at->left] || fits[at->right];
            break;
        case NOT:
            fits[i] = !fits[at->left];
            break;
        }
    }
    return fits[selector->root];
}
