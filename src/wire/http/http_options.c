/* Values and table of wire/http/options.def. */
#include "wire/http/http_options.h"

#include "config/option.h"

struct http_options http_opts;

#define CONFIG_STRUCT http_opts
static const struct config_option rows[] = {
#include "config/declare_table.h"

#include "wire/http/options.def"

#include "config/declare_end.h"
};

void http_options_register(void)
{
    config_register(rows, COUNT_OF(rows));
}
