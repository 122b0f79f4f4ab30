/*  test/bad/bad_crash.c - a release that ends at once, whatever it is asked to do */

int main (void)
{
    return 1;
}
