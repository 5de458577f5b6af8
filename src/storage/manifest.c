/* Writing manifests: see the header. */
#include "storage/manifest.h"

#include "base/mem.h"
#include "storage/dump.h"
#include "storage/files.h"

enum status stor_manifest_write(const char *dir, const char *file, const char *provider,
                                const char *engine, const struct stor_config *cfg,
                                const struct stor_manifest_field *fields, size_t nfields,
                                struct error *err)
{
    struct buf text = BUF_INIT, old = BUF_INIT;
    char *path = stor_path_join(dir, file);

    buf_printf(&text, "{\"format\":1,\"provider\":\"%s\",\"engine\":\"%s\",\"spaces\":[", provider,
               engine);
    for (size_t i = 0; i < cfg->nspaces; i++) {
        if (i)
            buf_put_byte(&text, ',');
        dump_put_string(&text, slice_str(cfg->spaces[i]));
    }
    buf_put_byte(&text, ']');
    for (size_t i = 0; i < nfields; i++)
        buf_printf(&text, ",\"%s\":%lld", fields[i].name, (long long)fields[i].value);
    buf_put_str(&text, "}\n");
    enum status st = stor_file_read(path, &old, NULL);
    if (st != ST_OK || !slice_eq(buf_slice(&old), buf_slice(&text)))
        st = stor_file_replace(path, buf_slice(&text), err);
    buf_free(&old);
    buf_free(&text);
    mem_free(path);
    return st;
}
