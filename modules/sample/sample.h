/* What the files of this module share. */
#ifndef ORBIT_MODULES_SAMPLE_SAMPLE_H
#define ORBIT_MODULES_SAMPLE_SAMPLE_H

#include "module/orbitmodule.h"

extern const struct OrbitListener sample_line;

#endif
