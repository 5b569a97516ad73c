/* The one table of the monitor's commands, in the order of the help. */
#include "monitor/cmd.h"

static const struct command info_table[] = {
    { "accel", NULL, "", "", "the engine that runs the CPUs, and why", NULL, cmd_info_accel, NULL },
    { "cpus", NULL, "", "", "the CPUs and where they are", NULL, cmd_info_cpus, NULL },
    { "kvm", NULL, "", "", "whether KVM runs the CPUs", NULL, cmd_info_kvm, NULL },
    { "name", NULL, "", "", "the name given with -name", NULL, cmd_info_name, NULL },
    { "registers", NULL, "-a", "[-a]", "the CPU's registers (-a: of all CPUs)", NULL, cmd_info_registers, NULL },
    { "status", NULL, "", "", "running or paused, and why", NULL, cmd_info_status, NULL },
    { "version", NULL, "", "", "the version of vmm", NULL, cmd_info_version, NULL },
    { NULL },
};

const struct command command_table[] = {
    { "boot_set", NULL, "w", "LETTERS", "set the boot order for the next reset (a, c, d, n)", "boot_set dc",
      cmd_boot_set, NULL },
    { "cont", "c", "", "", "let the guest run", NULL, cmd_cont, NULL },
    { "cpu", NULL, "e", "INDEX", "choose the CPU that info registers, x and $names are about", "cpu 1", cmd_cpu, NULL },
    { "help", "?", "w:command? w?", "[COMMAND]", "this list, or one command", "help x", cmd_help, NULL },
    { "info", NULL, "", "TOPIC", "look at the machine", "info registers", cmd_info, info_table },
    { "log", NULL, "w:log", "ITEMS", "choose what is logged (help: the items)", "log int,guest_errors", cmd_log, NULL },
    { "logfile", NULL, "t:file", "FILE", "write the log to a file", NULL, cmd_logfile, NULL },
    { "nmi", NULL, "", "", "send a non-maskable interrupt", NULL, cmd_nmi, NULL },
    { "quit", "q", "", "", "end vmm", NULL, cmd_quit, NULL },
    { "set", NULL, "w:set? w?", "[asm att|intel]", "the notation of disassembly", "set asm intel", cmd_set, NULL },
    { "stop", "s", "", "", "pause the guest", NULL, cmd_stop, NULL },
    { "system_reset", NULL, "", "", "reset the machine", NULL, cmd_system_reset, NULL },
    { NULL },
};
