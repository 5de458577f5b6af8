/* Inside of base: what the files about numbers share. */
#ifndef ORBIT_BASE_NUM_PRIV_H
#define ORBIT_BASE_NUM_PRIV_H

#include <stdint.h>

/* digits[0..n) times ten to the power of exp10. */
struct num__decimal {
    char digits[24];
    int n;
    int exp10;
};

/* The digits of v, which is positive and finite. */
void num__digits(double v, struct num__decimal *d);

#endif
