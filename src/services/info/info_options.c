/* The list behind latency-tracking-info-percentiles. */
#include "base/num.h"
#include "config/option.h"
#include "services/info/info.h"
#include "services/info/info_priv.h"

double info__percentiles[INFO_PERCENTILES_MAX] = {50, 99, 99.9};
size_t info__npercentiles = 3;

void info__put_trimmed(struct buf *out, double v)
{
    buf_printf(out, "%f", v);
    while (out->n && out->p[out->n - 1] == '0')
        out->n--;
    if (out->n && out->p[out->n - 1] == '.')
        out->n--;
}

static enum status percentiles_set(const struct slice *argv, size_t argc, bool from_file,
                                   struct error *err)
{
    double fresh[INFO_PERCENTILES_MAX];
    if (argc == 1 && argv[0].n == 0)
        argc = 0;
    if (argc > INFO_PERCENTILES_MAX)
        return error_set(err, ST_TOO_LONG,
                         "latency-tracking-info-percentiles takes at most %d values",
                         INFO_PERCENTILES_MAX);
    for (size_t i = 0; i < argc; i++) {
        if (!num_parse_double(argv[i], &fresh[i]))
            return error_set(err, ST_INVALID,
                             "Invalid latency-tracking-info-percentiles parameters");
        if (fresh[i] < 0 || fresh[i] > 100)
            return error_set(
                err, ST_RANGE,
                "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]");
    }
    memcpy(info__percentiles, fresh, argc * sizeof(fresh[0]));
    info__npercentiles = argc;
    return ST_OK;
}

static void percentiles_get(struct buf *out)
{
    for (size_t i = 0; i < info__npercentiles; i++) {
        if (i)
            buf_put_byte(out, ' ');
        info__put_trimmed(out, info__percentiles[i]);
    }
}

static const struct config_custom info_percentiles_option = {
    .set = percentiles_set, .get = percentiles_get, .default_text = "50 99 99.9"};

static const struct config_option rows[] = {
#include "config/declare_table.h"

#include "services/info/options.def"

#include "config/declare_end.h"
};

void info_options_register(void)
{
    config_register(rows, COUNT_OF(rows));
}
