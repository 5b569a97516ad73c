/* The run functions of the rows in commands.c, one block a source file. */
#ifndef MONITOR_CMD_H
#define MONITOR_CMD_H

#include "monitor/command.h"

/* cmd_help.c */
void cmd_help(struct command_call *call);
void cmd_info(struct command_call *call);
/* Lists the second words of a command. */
void cmd_list_sub(struct command_call *call);
/* Appends the state of a device; false if there is no such device. */
bool info_device(const struct monitor_env *env, const char *id, GString *out);

/* cmd_vm.c */
void cmd_quit(struct command_call *call);
void cmd_stop(struct command_call *call);
void cmd_cont(struct command_call *call);
void cmd_system_reset(struct command_call *call);
void cmd_system_powerdown(struct command_call *call);
void cmd_nmi(struct command_call *call);
void cmd_boot_set(struct command_call *call);
void cmd_log(struct command_call *call);
void cmd_logfile(struct command_call *call);
/* Bochs's trace, show and ptime. */
void cmd_trace(struct command_call *call);
void cmd_show(struct command_call *call);
void cmd_ptime(struct command_call *call);
void cmd_set(struct command_call *call);
void cmd_cpu(struct command_call *call);

/* cmd_state.c */
void cmd_savevm(struct command_call *call);
void cmd_loadvm(struct command_call *call);
void cmd_delvm(struct command_call *call);
void cmd_info_snapshots(struct command_call *call);

/* cmd_debug.c */
void cmd_step(struct command_call *call);
void cmd_next(struct command_call *call);
void cmd_until(struct command_call *call);
void cmd_finish(struct command_call *call);
void cmd_disassemble(struct command_call *call);

/* cmd_break.c */
void cmd_break(struct command_call *call);
void cmd_tbreak(struct command_call *call);
void cmd_pbreak(struct command_call *call);
void cmd_modebp(struct command_call *call);
void cmd_watch(struct command_call *call);
void cmd_rwatch(struct command_call *call);
void cmd_awatch(struct command_call *call);
void cmd_delete(struct command_call *call);
void cmd_enable(struct command_call *call);
void cmd_disable(struct command_call *call);
void cmd_condition(struct command_call *call);
void cmd_ignore(struct command_call *call);
void cmd_info_breakpoints(struct command_call *call);

/* gdb_server.c */
void cmd_gdbserver(struct command_call *call);

/* cmd_info.c */
void cmd_info_status(struct command_call *call);
void cmd_info_version(struct command_call *call);
void cmd_info_name(struct command_call *call);
void cmd_info_uuid(struct command_call *call);
void cmd_info_kvm(struct command_call *call);
void cmd_info_accel(struct command_call *call);
void cmd_info_cpus(struct command_call *call);
void cmd_info_registers(struct command_call *call);

/* cmd_accel.c */
void cmd_accel(struct command_call *call);
void cmd_info_rescue(struct command_call *call);

/* cmd_paging.c */
void cmd_info_mem(struct command_call *call);
void cmd_info_tlb(struct command_call *call);

/* cmd_hw.c */
void cmd_info_pic(struct command_call *call);
void cmd_info_irq(struct command_call *call);
void cmd_info_lapic(struct command_call *call);
void cmd_info_tree(struct command_call *call);
void cmd_info_pci(struct command_call *call);
void cmd_info_mice(struct command_call *call);
void cmd_info_mtree(struct command_call *call);

/* cmd_memory.c */
void cmd_x(struct command_call *call);
void cmd_xp(struct command_call *call);
/* Appends a character as in C, with quotes. */
void cmd_print_char(GString *out, uint8_t c);

/* cmd_data.c */
void cmd_print(struct command_call *call);
void cmd_in(struct command_call *call);
void cmd_out(struct command_call *call);
void cmd_memsave(struct command_call *call);
void cmd_pmemsave(struct command_call *call);
void cmd_dump_guest_memory(struct command_call *call);
void cmd_sum(struct command_call *call);
void cmd_gva2gpa(struct command_call *call);
void cmd_gpa2hva(struct command_call *call);

/* cmd_input.c */
void cmd_sendkey(struct command_call *call);
void cmd_type(struct command_call *call);
void cmd_mouse_move(struct command_call *call);
void cmd_mouse_button(struct command_call *call);
void cmd_mouse_set(struct command_call *call);

/* cmd_audio.c */
void cmd_info_audio(struct command_call *call);
void cmd_info_capture(struct command_call *call);
void cmd_wavcapture(struct command_call *call);
void cmd_stopcapture(struct command_call *call);

/* cmd_screen.c */
void cmd_screendump(struct command_call *call);
void cmd_screentext(struct command_call *call);

/* cmd_blackbox.c */
void cmd_why(struct command_call *call);
void cmd_info_branches(struct command_call *call);
void cmd_info_exits(struct command_call *call);
void cmd_info_trail(struct command_call *call);
void cmd_info_io(struct command_call *call);

/* cmd_tables.c */
void cmd_info_gdt(struct command_call *call);
void cmd_info_ldt(struct command_call *call);
void cmd_info_idt(struct command_call *call);
void cmd_info_ivt(struct command_call *call);
void cmd_info_tss(struct command_call *call);
void cmd_creg(struct command_call *call);
void cmd_sreg(struct command_call *call);

/* cmd_poke.c */
void cmd_poke(struct command_call *call);
void cmd_find(struct command_call *call);
void cmd_page(struct command_call *call);
void cmd_print_stack(struct command_call *call);
void cmd_bt(struct command_call *call);
/* `set $NAME = VALUE`; text: behind the '$'. */
void cmd_set_register(struct command_call *call, const char *text);

/* cmd_symbols.c */
/* Appends " <name+0x12>" if a symbol is near an address. */
void cmd_print_symbol(struct command_call *call, uint64_t address);
void cmd_sym_load(struct command_call *call);
void cmd_sym_clear(struct command_call *call);
void cmd_sym_list(struct command_call *call);
void cmd_sym_at(struct command_call *call);
void cmd_info_symbols(struct command_call *call);

/* cmd_script.c */
void cmd_waittext(struct command_call *call);
void cmd_waitserial(struct command_call *call);
void cmd_waitstop(struct command_call *call);
void cmd_echo(struct command_call *call);
void cmd_sleep(struct command_call *call);
void cmd_expectexit(struct command_call *call);

/* cmd_net.c */
void cmd_info_network(struct command_call *call);
void cmd_info_usernet(struct command_call *call);
void cmd_hostfwd_add(struct command_call *call);
void cmd_hostfwd_remove(struct command_call *call);
void cmd_set_link(struct command_call *call);
void cmd_netdump(struct command_call *call);

/* cmd_block.c */
void cmd_info_block(struct command_call *call);
void cmd_info_blockstats(struct command_call *call);
void cmd_block_resize(struct command_call *call);
void cmd_change(struct command_call *call);
void cmd_eject(struct command_call *call);
void cmd_commit(struct command_call *call);

/* cmd_vnc.c */
void cmd_info_vnc(struct command_call *call);
void cmd_change_vnc(struct command_call *call);
void cmd_set_password(struct command_call *call);

#endif
