#include "top.h"
int screen_run(struct model *m, struct options *o) { (void)m; (void)o; return 1; }
