/* LOLWUT: a small picture, another one each time. Orbits around a star, seen from above. */
#include "base/hash.h"
#include "base/version.h"
#include "commands/server/server_commands.h"
#include "session/call.h"
#include "session/reply.h"

#include <math.h>

#define WIDTH  64
#define HEIGHT 24

struct sky {
    char cell[HEIGHT][WIDTH];
};

static double random_unit(void)
{
    return (double)(hash_rand64() >> 11) / 9007199254740992.0;
}

static void put(struct sky *sky, double x, double y, char mark)
{
    int col = (int)lround(x), row = (int)lround(y);
    if (col >= 0 && col < WIDTH && row >= 0 && row < HEIGHT)
        sky->cell[row][col] = mark;
}

/* An ellipse around the middle with a body somewhere on it; characters are twice as high as wide. */
static void draw_orbit(struct sky *sky, double radius, char body)
{
    double flat = 0.6 + 0.4 * random_unit(), turn = 6.2832 * random_unit();
    for (int step = 0; step < 314; step++) {
        double t = step * 0.02;
        double x = radius * cos(t), y = radius * flat * sin(t);
        put(sky, WIDTH / 2.0 + x * cos(turn) - y * sin(turn),
            HEIGHT / 2.0 + (x * sin(turn) + y * cos(turn)) / 2.1, '.');
    }
    double t = 6.2832 * random_unit(), x = radius * cos(t), y = radius * flat * sin(t);
    put(sky, WIDTH / 2.0 + x * cos(turn) - y * sin(turn),
        HEIGHT / 2.0 + (x * sin(turn) + y * cos(turn)) / 2.1, body);
}

void cmd_lolwut(struct call *c)
{
    if (c->argc > 1 && call_arg_is(c, 1, "version")) {
        int64_t version;
        if (c->argc < 3) {
            reply_syntax_error(c);
            return;
        }
        if (!call_arg_int(c, 2, &version, NULL))
            return;
    }
    static const char bodies[] = "oO@*";
    struct sky sky;
    memset(&sky, ' ', sizeof(sky));
    for (int i = 0; i < 40; i++)
        put(&sky, random_unit() * WIDTH, random_unit() * HEIGHT, '\'');
    int orbits = 3 + (int)(hash_rand64() % 4);
    for (int i = 0; i < orbits; i++)
        draw_orbit(&sky, 5 + 24.0 * (i + 1) / orbits, bodies[hash_rand64() % (sizeof(bodies) - 1)]);
    put(&sky, WIDTH / 2.0, HEIGHT / 2.0, '#');
    struct buf out = BUF_INIT;
    for (int row = 0; row < HEIGHT; row++) {
        int end = WIDTH;
        while (end > 0 && sky.cell[row][end - 1] == ' ')
            end--;
        buf_put(&out, sky.cell[row], (size_t)end);
        buf_put_byte(&out, '\n');
    }
    buf_put_str(&out, "\nOrbit, that never falls. Redis ver. " ORBIT_REDIS_VERSION "\n");
    reply_verbatim(c, "txt", buf_slice(&out));
    buf_free(&out);
}
