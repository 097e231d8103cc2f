#include "interpret.h"

int main(void)
{
	return 0;
}
