#include "amaters/version.h"

#include "os/cpu.h"

const char *amt_version(void)
{
	return AMT_VERSION_TEXT;
}

const char *amt_version_isa(void)
{
	return isa_name(cpu_isa());
}
