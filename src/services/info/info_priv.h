/* The sections, one function each; shared by the files of INFO. */
#ifndef ORBIT_SERVICES_INFO_INFO_PRIV_H
#define ORBIT_SERVICES_INFO_INFO_PRIV_H

#include "base/buf.h"

void info__server(struct buf *out);
void info__clients(struct buf *out);
void info__memory(struct buf *out);
void info__persistence(struct buf *out);
void info__stats(struct buf *out);
void info__cpu(struct buf *out);
void info__cluster(struct buf *out);
void info__keyspace(struct buf *out);
void info__commandstats(struct buf *out);
void info__errorstats(struct buf *out);
void info__latencystats(struct buf *out);
void info__storage(struct buf *out);
void info__tick(struct buf *out);
void info__debug(struct buf *out);

/* "1.50M", as the *_human fields. */
void info__put_human(struct buf *out, const char *name, uint64_t bytes);
void info__put_u64(struct buf *out, const char *name, uint64_t v);

/* Percentiles of latency-tracking-info-percentiles. */
#define INFO_PERCENTILES_MAX 32
extern double info__percentiles[INFO_PERCENTILES_MAX];
extern size_t info__npercentiles;
/* "%f" without the zeros at the end. */
void info__put_trimmed(struct buf *out, double v);

#endif
