/* cmocka with the headers that it wants first. */
#ifndef ORBIT_UNIT_CMOCKA_ALL_H
#define ORBIT_UNIT_CMOCKA_ALL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
