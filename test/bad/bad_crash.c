/* SPDX-License-Identifier: MPL-2.0 */
/*  test/bad/bad_crash.c - a release that exits with status 1 at once */

int main (void)
{
    return 1;
}
