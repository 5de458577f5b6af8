/* Shared by the geo commands: arguments, and places of members. Thread: loop. */
#ifndef ORBIT_COMMANDS_GEO_PRIV_H
#define ORBIT_COMMANDS_GEO_PRIV_H

#include "commands/geo/geo_math.h"
#include "session/call.h"

/* Arguments i and i + 1. False: the error is answered. */
MUST_USE bool geo__point_arg(struct call *c, int i, struct geo_point *p);
MUST_USE bool geo__unit_arg(struct call *c, int i, double *metres);

/* The place of a member; rec may be NULL. False: the error is answered. */
MUST_USE bool geo__place(struct call *c, struct kv_rec *rec, struct slice member, bool *found,
                         struct geo_point *p);
/* A distance with four digits behind the point. */
void geo__reply_distance(struct call *c, double d);
void geo__reply_point(struct call *c, struct geo_point p);

#endif
