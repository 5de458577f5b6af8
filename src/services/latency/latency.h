/* LATENCY: remembers what took long, by kind of event, and shows it. */
#ifndef ORBIT_SERVICES_LATENCY_LATENCY_H
#define ORBIT_SERVICES_LATENCY_LATENCY_H

#include "config/config.h"

struct latency_options {
#include "config/declare_fields.h"

#include "services/latency/options.def"

#include "config/declare_end.h"
};
extern struct latency_options latency_opts;

#define LATENCY_SAMPLES 160

struct latency_event {
    char name[32];
    size_t n, next; /* samples held; where the next one goes */
    int64_t max_ms;
    struct latency_sample {
        int64_t time_s, ms;
    } samples[LATENCY_SAMPLES];
};

void latency_options_register(void);
/* Attaches to cron, and to commands when there is a threshold. Once, when the configuration is read. */
void latency_start(void);

/* Records a sample; several in one second count as one, the largest. Loop thread. */
void latency_add(const char *event, int64_t time_s, int64_t ms);
/* NULL: nothing was recorded under that name. */
const struct latency_event *latency_find(struct slice event);
/* i-th sample, oldest first. */
const struct latency_sample *latency_sample(const struct latency_event *e, size_t i);
/* In order of name; NULL behind the last one. */
const struct latency_event *latency_event(size_t i);
/* Forgets one; false: it was not there. */
bool latency_reset(struct slice event);

#endif
