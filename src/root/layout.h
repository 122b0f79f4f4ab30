/* SPDX-License-Identifier: MPL-2.0 */
/*  root/layout.h - every name on the disk of a root

    Names below var/ are caches and records: nothing in them decides a start. The other names do. A name that
    begins with a dot is noded's own; ROOT_TMP, ROOT_NEW and ROOT_OLD are prefixes of what a crash may leave,
    and are removed at the next start. */

#ifndef ROOT_LAYOUT_H
#define ROOT_LAYOUT_H

/*  Links to workspaces. */
#define ROOT_STABLE "stable"     /* what init starts */
#define ROOT_PREVIOUS "previous" /* what a revert returns to */
#define ROOT_BACK ".back"        /* on trial: what a rollback returns to */
#define ROOT_REVERT ".revert"    /* while a revert is under way: the version that was stable */

/*  A trial. */
#define ROOT_TRIAL ".trial"   /* there is one, whatever became of its tokens */
#define ROOT_TOKEN ".try."    /* and a digit: a start that is left */
#define ROOT_OK ".ok"         /* a prepared mark; with a dot and a workspace: it was confirmed once */
#define ROOT_FAILED ".failed" /* a prepared note; with a dot and a workspace: how its trial failed */

/*  Locks. */
#define ROOT_LOCK ".lock"
#define ROOT_MANAGER_LOCK ".lock.manager"

/*  Hidden names. */
#define ROOT_TMP ".tmp."                  /* of disk/entry.h */
#define ROOT_NEW ".new."                  /* an unfinished workspace */
#define ROOT_OLD ".old."                  /* a workspace that is being removed */
#define ROOT_TMP_STABLE ".tmp.stable"     /* prepared for a switch */
#define ROOT_TMP_PREVIOUS ".tmp.previous" /* during a revert */

#define ROOT_SETTINGS "node.zpl"
#define ROOT_PROBE "probe"     /* scratch roots */
#define ROOT_APPS "apps"       /* managed applications */
#define ROOT_KEEPERS "keepers" /* their keepers, by digest */

/*  Signed releases (root/metadata.h). Outside of var/: if that is lost, the node must not begin to accept unsigned
    releases. */
#define ROOT_TRUST "trust"                          /* exists if a trust root is pinned */
#define ROOT_TRUST_PINNED ROOT_TRUST "/pinned.json" /* the root metadata that a person pinned */
#define ROOT_NEW_TRUST ROOT_NEW "trust"             /* the first pin, until it is complete */
/*  Below trust/SET; SET is the digest of the pinned file. */
#define ROOT_TRUST_ROOTS "roots"   /* N.json: its verified successors */
#define ROOT_TRUST_ROLES "roles"   /* the last trusted file of each other role */
#define ROOT_TRUST_FLOORS "floors" /* the least release-counter of each application */
#define ROOT_TRUST_FAULT "fault."  /* and an application: why the last check of a release failed */

/*  Records and caches. */
#define ROOT_VAR "var"
#define ROOT_BLOBS ROOT_VAR "/blobs"                  /* downloads */
#define ROOT_JOURNAL ROOT_VAR "/journal"              /* what was done */
#define ROOT_JOURNAL_OLDER ROOT_VAR "/journal.1"      /* the part before it */
#define ROOT_ORDER_STATE ROOT_VAR "/order-state"      /* orders carried out, holds */
#define ROOT_TRIAL_RECORD ROOT_VAR "/trial"           /* the order on trial */
#define ROOT_REVERTED ROOT_VAR "/reverted"            /* by noded revert, not reported yet */
#define ROOT_OUTCOME ROOT_VAR "/outcome"              /* of the last trial, by the launcher */
#define ROOT_REPAIRED ROOT_VAR "/repaired"            /* a repair of stable, by the launcher */
#define ROOT_QUARANTINE ROOT_VAR "/quarantine"        /* releases that failed */
#define ROOT_VERIFIED ROOT_VAR "/verified"            /* files whose digest is known since this boot */
#define ROOT_SETTINGS_KEPT ROOT_VAR "/node.zpl"       /* the last settings that reached an origin */
#define ROOT_SETTINGS_USED ROOT_VAR "/settings-used." /* and a workspace: the settings that it used */
#define ROOT_SETTINGS_GIVEN_UP                                                                               \
    ROOT_VAR "/settings-given-up"            /* the digest of settings that reached no origin */
#define ROOT_UNREACHED ROOT_VAR "/unreached" /* why no origin is reached */
#define ROOT_SCRUB ROOT_VAR "/scrub"         /* when stable and previous were verified */

/*  In a workspace. */
#define ROOT_PROGRAM "noded"
#define ROOT_SCRIPT "noded.sh" /* what init starts; runs the launcher */
#define ROOT_LAUNCHER "start"
#define ROOT_ENVELOPE "envelope.json"
#define ROOT_RELEASE "release" /* the release document */
#define ROOT_COMMAND "command" /* what the launcher runs */
#define ROOT_MANIFEST "manifest"
#define ROOT_FILES "files" /* further files of the envelope */

#endif
