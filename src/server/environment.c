#include "server/environment.h"

#include "base/mem.h"
#include "base/num.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOST_MAX     255
#define DEFAULT_PORT "6379"

static char host[HOST_MAX + 1], port[8];

static enum status refuse(struct error *err, const char *url)
{
    return error_set(err, ST_INVALID,
                     "ORBIT_MASTER_URL: '%.100s' is not host:port, nor [address]:port", url);
}

static enum status parse_url(const char *url, struct error *err)
{
    bool bracket = *url == '[';
    const char *begin = url + bracket, *end = strchr(begin, bracket ? ']' : ':');
    size_t n = end ? (size_t)(end - begin) : strlen(begin);
    if (n == 0 || n > HOST_MAX || (bracket && !end))
        return refuse(err, url);
    snprintf(host, sizeof host, "%.*s", (int)n, begin);
    if (strchr(host, '/'))
        return refuse(err, url);
    const char *colon = bracket ? end + 1 : end;
    if (!colon || !*colon) {
        snprintf(port, sizeof port, "%s", DEFAULT_PORT);
        return ST_OK;
    }
    int64_t number;
    if (*colon != ':' || !num_parse_int(slice_str(colon + 1), &number) || number < 1 ||
        number > 65535)
        return refuse(err, url);
    snprintf(port, sizeof port, "%d", (int)number);
    return ST_OK;
}

/* Appends up to three words. */
static enum status replication_words(char **words, int *n, struct error *err)
{
    const char *mode = getenv("ORBIT_REPLICATION_MODE"), *url = getenv("ORBIT_MASTER_URL");
    bool master = mode && strcmp(mode, "master") == 0;
    if (!mode || !*mode)
        return ST_OK;
    if (!master && strcmp(mode, "slave") != 0 && strcmp(mode, "replica") != 0)
        return error_set(err, ST_INVALID,
                         "ORBIT_REPLICATION_MODE: '%.40s' is none of master, slave, replica", mode);
    if (master) {
        snprintf(host, sizeof host, "no");
        snprintf(port, sizeof port, "one");
    } else if (!url || !*url) {
        return error_set(err, ST_INVALID,
                         "ORBIT_REPLICATION_MODE=%s needs ORBIT_MASTER_URL=host:port", mode);
    } else {
        enum status st = parse_url(url, err);
        if (st != ST_OK)
            return st;
    }
    static char option[] = "--replicaof";
    words[(*n)++] = option;
    words[(*n)++] = host;
    words[(*n)++] = port;
    return ST_OK;
}

enum status environment_words(int argc, char **argv, int *out_argc, char ***out_argv,
                              struct error *err)
{
    char **words = mem_calloc((size_t)argc + 4, sizeof *words);
    int n = 0, i = 0;
    while (i < argc && (i == 0 || (i == 1 && argv[i][0] != '-') || strcmp(argv[i], "-") == 0))
        words[n++] = argv[i++];
    enum status st = replication_words(words, &n, err);
    while (i < argc)
        words[n++] = argv[i++];
    *out_argc = n;
    *out_argv = words;
    return st;
}
