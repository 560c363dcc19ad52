/* Files as they were before a login. */
#ifndef PUT_BACK_H
#define PUT_BACK_H

/* `WAY:KEPT:PLACE`. KEPT is what PLACE becomes again:
 *   i   in place: the same file, its bytes and nothing else; for files in memory
 *   w   whole: a new file of the same owner, mode and time, on the disk before this returns
 *   t   only its time of change */
void put_back(const char *order);

#endif
