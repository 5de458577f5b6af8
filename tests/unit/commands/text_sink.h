/* A sink that writes answers as readable text: see fixture_run. */
#ifndef ORBIT_UNIT_COMMANDS_TEXT_SINK_H
#define ORBIT_UNIT_COMMANDS_TEXT_SINK_H

#include "session/sink.h"

struct sink *text_sink(void);
void text_sink_clear(void);
const char *text_sink_text(void);
void text_sink_free(void);

#endif
