/* The service as a whole: options, start, INFO. */
#include "services/script/script.h"

#include "config/option.h"
#include "services/script/script_priv.h"
#include "session/info.h"

#include <inttypes.h>

struct script_options script_opts;

#define CONFIG_STRUCT script_opts
static const struct config_option rows[] = {
#include "config/declare_table.h"

#include "services/script/options.def"

#include "config/declare_end.h"
};

void script_options_register(void)
{
    config_register(rows, COUNT_OF(rows));
}

static void put_human(struct buf *out, const char *name, size_t n)
{
    static const char units[] = "BKMGT";
    double v = (double)n;
    size_t unit = 0;
    while (v >= 1024 && units[unit + 1]) {
        v /= 1024;
        unit++;
    }
    if (unit == 0)
        buf_printf(out, "%s:%zuB\r\n", name, n);
    else
        buf_printf(out, "%s:%.2f%c\r\n", name, v, units[unit]);
}

static void put_memory(struct buf *out)
{
    size_t eval = script__eval_memory(), functions = script__function_memory();
    size_t scripts = script__eval_overhead() + script__function_overhead();
    buf_printf(out, "used_memory_lua:%zu\r\n", eval);
    buf_printf(out, "used_memory_vm_eval:%zu\r\n", eval);
    put_human(out, "used_memory_lua_human", eval);
    buf_printf(out, "used_memory_scripts_eval:%zu\r\n", script__eval_overhead());
    buf_printf(out, "number_of_cached_scripts:%zu\r\n", script__eval_count());
    buf_printf(out, "number_of_functions:%zu\r\n", script__function_count());
    buf_printf(out, "number_of_libraries:%zu\r\n", script__library_count());
    buf_printf(out, "used_memory_vm_functions:%zu\r\n", functions);
    buf_printf(out, "used_memory_vm_total:%zu\r\n", eval + functions);
    put_human(out, "used_memory_vm_total_human", eval + functions);
    buf_printf(out, "used_memory_functions:%zu\r\n", script__function_overhead());
    buf_printf(out, "used_memory_scripts:%zu\r\n", scripts);
    put_human(out, "used_memory_scripts_human", scripts);
}

void script_start(void)
{
    script__eval_start();
    script__function_start();
    info_register("memory", put_memory);
}
