/* The run functions of the rows in commands.c, one block a source file. */
#ifndef MONITOR_CMD_H
#define MONITOR_CMD_H

#include "monitor/command.h"

/* cmd_help.c */
void cmd_help(struct command_call *call);
void cmd_info(struct command_call *call);
/* Appends the state of a device; false if there is no such device. */
bool info_device(const struct monitor_env *env, const char *id, GString *out);

/* cmd_vm.c */
void cmd_quit(struct command_call *call);
void cmd_stop(struct command_call *call);
void cmd_cont(struct command_call *call);
void cmd_system_reset(struct command_call *call);
void cmd_nmi(struct command_call *call);
void cmd_boot_set(struct command_call *call);
void cmd_log(struct command_call *call);
void cmd_logfile(struct command_call *call);
void cmd_set(struct command_call *call);
void cmd_cpu(struct command_call *call);

/* cmd_info.c */
void cmd_info_status(struct command_call *call);
void cmd_info_version(struct command_call *call);
void cmd_info_name(struct command_call *call);
void cmd_info_kvm(struct command_call *call);
void cmd_info_accel(struct command_call *call);
void cmd_info_cpus(struct command_call *call);
void cmd_info_registers(struct command_call *call);

#endif
