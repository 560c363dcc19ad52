/* folders.h - how many entries a folder has, as a measure of what a process holds. */
#include <dirent.h>

static long entries(const char *folder)
{
	long count = 0;
	DIR *dir = opendir(folder);

	while (dir && readdir(dir))
		count++;
	if (dir)
		closedir(dir);
	return count;
}
