/* The fixture of sessions, without its own commands: the real ones are under test. */
#define FX_NO_COMMANDS
#include "unit/session/session_fixture.c"
