/*
 * Run control instruction by instruction: step, next, until, finish.
 *
 * `step` is done at once, in the main thread: no interrupt comes in and the guest's clock stands, as QEMU's stub has it
 * by default. The others let the machine run to a hidden breakpoint, and the monitor that gave the command waits for the
 * stop (settings->wait) before it reads on.
 */
#include <inttypes.h>
#include <string.h>

#include "accel/debug.h"
#include "core/machine.h"
#include "monitor/cmd.h"
#include "monitor/cpu_view.h"
#include "monitor/debug_view.h"
#include "accel/disasm.h"
#include "monitor/wait.h"

#define STEPS_MAX 100000000u /* of one command: some tens of seconds */

/* The machine must stand; pauses it if it runs. False with the reason said. */
static bool stand_still(struct command_call *call)
{
    struct machine *machine = call->env->machine;
    if (call->env->accel == NULL) {
        command_print(call, "Error: the machine has no CPU\n");
        return false;
    }
    if (machine->run_state == RUN_STATE_SHUTDOWN || machine->run_state == RUN_STATE_INTERNAL_ERROR) {
        command_print(call, "Error: Resetting the Virtual Machine is required\n");
        return false;
    }
    machine_pause(machine, RUN_STATE_DEBUG);
    return true;
}

static bool is_stopped(struct command_wait *wait, GString *out)
{
    const struct machine *machine = wait->env->machine;
    if (machine->run_state == RUN_STATE_RUNNING) {
        return false;
    }
    if (machine->run_state == RUN_STATE_DEBUG) {
        debug_view_stop(wait->env, wait->arg, out);
    } else {
        debug_view_where(wait->env, wait->arg, out);
    }
    return true;
}

static void run_and_wait(struct command_call *call)
{
    machine_resume(call->env->machine);
    struct command_wait *wait = command_wait_create(call->env, NULL, "stop", WAIT_SECONDS_MAX, is_stopped);
    wait->arg = call->settings;
    wait->tells_stop = true;
    call->settings->wait = wait;
}

/* Steps up to n times, until something stops it. */
static void step(struct command_call *call, uint64_t n)
{
    struct accel *accel = call->env->accel;
    enum vcpu_exit why = VCPU_DEBUG;
    for (uint64_t i = 0; i < n && why == VCPU_DEBUG; i++) {
        why = accel_debug_step(accel, call->settings->cpu, STEP_NO_IRQ | STEP_NO_TIMER);
        if (accel_debug_stop(accel)->why == BREAK_STOP_POINT) {
            break;
        }
    }
    if (why == VCPU_HALTED) {
        command_print(call, "CPU#%u waits for an interrupt; 'cont' lets one come\n", call->settings->cpu);
    } else if (why == VCPU_SHUTDOWN) {
        command_print(call, "CPU#%u: triple fault; 'cont' resets the machine\n", call->settings->cpu);
    }
    machine_set_stopped(call->env->machine, RUN_STATE_DEBUG);
    debug_view_stop(call->env, call->settings, call->out);
}

void cmd_step(struct command_call *call)
{
    uint64_t n = call->args[0].given ? call->args[0].value : 1;
    if (n > STEPS_MAX) {
        command_print(call, "Error: at most %u steps at once; 'until ADDRESS' is faster\n", STEPS_MAX);
    } else if (stand_still(call)) {
        step(call, n);
    }
}

/* ---- next ---- */

/* What is at the CPU's program counter. */
struct here {
    struct x86_state state;
    uint64_t pc;     /* linear */
    unsigned length; /* of the instruction; 0: cannot be read */
    uint8_t code[DISASM_INSTRUCTION_MAX];
    unsigned opcode; /* index of the first byte behind the prefixes */
    bool rep;
};

static bool is_prefix(uint8_t byte, bool code64)
{
    return strchr("\x66\x67\x2e\x36\x3e\x26\x64\x65\xf0\xf2\xf3", byte) != NULL ? byte != 0
                                                                               : code64 && (byte & 0xf0) == 0x40;
}

static void look_here(struct command_call *call, struct here *here)
{
    accel_state_get(call->env->accel, call->settings->cpu, &here->state);
    unsigned bits = debug_view_code_bits(&here->state);
    here->pc = bits == 64 ? here->state.rip : (uint32_t)(here->state.seg[CS].base + here->state.rip);
    memset(here->code, 0x90, sizeof(here->code));
    size_t size = cpu_view_read(call, here->pc, here->code, sizeof(here->code), false);
    here->length = 0;
    if (size > 0) {
        g_autoptr(GString) text = g_string_new(NULL);
        struct disasm *disasm = disasm_create(bits, false);
        here->length = (unsigned)disasm_one(disasm, here->pc, here->code, size, text);
        disasm_destroy(disasm);
    }
    here->rep = false;
    for (here->opcode = 0; here->opcode < sizeof(here->code) - 2; here->opcode++) {
        uint8_t byte = here->code[here->opcode];
        if (!is_prefix(byte, bits == 64)) {
            break;
        }
        here->rep |= byte == 0xf2 || byte == 0xf3;
    }
}

/* CALL, INT and their like come back to the next instruction with the stack as it is; so do repeated string
 * instructions and LOOP, whose stack does not matter. */
static bool is_call(const struct here *here)
{
    uint8_t byte = here->code[here->opcode], modrm = here->code[here->opcode + 1];
    unsigned reg = modrm >> 3 & 7;
    return byte == 0xe8 || byte == 0x9a || (byte == 0xff && (reg == 2 || reg == 3)) || byte == 0xcc ||
           byte == 0xcd || byte == 0xce || byte == 0xf1 || (byte == 0x0f && modrm == 0x05);
}

static bool is_loop(const struct here *here)
{
    uint8_t byte = here->code[here->opcode];
    bool string = (byte >= 0xa4 && byte <= 0xa7) || (byte >= 0xaa && byte <= 0xaf) || (byte & 0xfc) == 0x6c;
    return (here->rep && string) || (byte >= 0xe0 && byte <= 0xe2);
}

/* Only in the task that gave it: by CPU, and by the stack. */
static void add_hidden(struct command_call *call, struct breakpoint point)
{
    point.owner = BREAK_OWNER_MONITOR;
    point.hidden = point.temporary = true;
    breakpoints_add(accel_breakpoints_edit(call->env->accel), &point);
    accel_breakpoints_done(call->env->accel);
}

static void next(struct command_call *call)
{
    struct here here;
    look_here(call, &here);
    bool is_over = is_call(&here) || is_loop(&here);
    if (here.length == 0 || !is_over) {
        step(call, 1);
        return;
    }
    add_hidden(call, (struct breakpoint){.kind = BREAK_LINEAR,
                                         .address = here.pc + here.length,
                                         .cpu = (int)call->settings->cpu,
                                         .sp_above = is_call(&here) ? here.state.gpr[RSP] : 0});
    run_and_wait(call);
}

void cmd_next(struct command_call *call)
{
    uint64_t n = call->args[0].given ? call->args[0].value : 1;
    if (n != 1) {
        command_print(call, "Error: one instruction at a time; 'until ADDRESS' runs on to a place\n");
    } else if (stand_still(call)) {
        next(call);
    }
}

/* ---- until, finish ---- */

void cmd_until(struct command_call *call)
{
    if (stand_still(call)) {
        add_hidden(call, (struct breakpoint){
                             .kind = BREAK_LINEAR, .address = call->args[0].value, .cpu = -1});
        run_and_wait(call);
    }
}

static bool is_return(const struct here *here)
{
    uint8_t byte = here->code[here->opcode];
    return byte == 0xc2 || byte == 0xc3 || byte == 0xca || byte == 0xcb || byte == 0xcf;
}

void cmd_finish(struct command_call *call)
{
    struct here here;
    if (!stand_still(call)) {
        return;
    }
    look_here(call, &here);
    if (is_return(&here)) {
        step(call, 1);
        return;
    }
    add_hidden(call, (struct breakpoint){.kind = BREAK_RETURN,
                                         .address = here.state.gpr[RSP],
                                         .cpu = (int)call->settings->cpu});
    run_and_wait(call);
}

/* ---- Bochs's u ---- */

void cmd_disassemble(struct command_call *call)
{
    if (!call->args[0].given) {
        struct x86_state state;
        GError *error = NULL;
        if (!cpu_view_state(call, &state, &error)) {
            command_error(call, error);
            return;
        }
        call->args[0].given = true;
        call->args[0].value = state.seg[CS].base + state.rip;
    }
    call->format.format = 'i';
    cmd_x(call);
}
