#!/usr/bin/perl
# gdb on the stub. A Debian kernel, with symbols, is followed from the reset vector through real, protected and long
# mode; a kernel of our own is debugged with 1,000 watchpoints.
#
# The symbols are asked of the kernel itself, once (/proc/kallsyms): Debian's System.map is empty, and the file with all
# of them is a package of 700 MB.
use strict;
use warnings;
no warnings 'portable';
use File::Temp qw(tempdir);

my $build = $ENV{VMM_BUILD} // 'build';
my $guest = "$build/guest";
my $dir = tempdir('/tmp/vmm-gdb.XXXXXX', CLEANUP => 1);
my $socket = "$dir/gdb";
my ($count, $failures) = (0, 0);

sub note { print map { "# $_\n" } map { split /\n/ } @_ }

sub ok
{
    my ($good, $name) = @_;
    printf "%sok %d - %s\n", $good ? '' : 'not ', ++$count, $name;
    $failures++ if !$good;
    return $good;
}

# Starts vmm with its CPUs stopped, runs a gdb script on it, and returns what gdb said.
sub debug
{
    my ($script, $gdb_options, @options) = @_;
    unlink $socket;
    open my $file, '>', "$dir/script" or die "script: $!";
    print $file "set pagination off\nset confirm off\nset breakpoint always-inserted on\n", $script;
    close $file;
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', "$dir/log";
        open STDERR, '>&', \*STDOUT;
        exec "$build/vmm", '-S', '-display', 'none', '-monitor', 'none', '-serial', 'null', @options or exit 127;
    }
    for (1 .. 100) {
        last if -e $socket;
        select undef, undef, undef, 0.1;
    }
    my $text = `timeout -s INT 240 gdb -nx -batch $gdb_options -x $dir/script 2>&1`;
    kill 'TERM', $pid;
    waitpid $pid, 0;
    open my $log, '<', "$dir/log";
    note('vmm: ', <$log>) if $? != 0;
    return $text;
}

# Whether the text has these lines, in this order.
sub says
{
    my ($text, $name, @patterns) = @_;
    my $rest = $text;
    for my $pattern (@patterns) {
        if ($rest !~ /$pattern/) {
            ok(0, $name);
            note("not found, or not behind what was: $pattern", $text);
            return;
        }
        $rest = $';
    }
    ok(1, $name);
}

# Boots the guest to its shell and has it print its symbols; kept for the next time.
sub ask_symbols
{
    my ($to) = @_;
    return 1 if -s $to;
    open my $script, '>', "$dir/ask";
    print $script <<'END';
waitserial "guestos:/" 240
type "grep ' [Tt] ' /proc/kallsyms > /dev/ttyS0; echo end-$((40+2)) > /dev/ttyS0\n"
waitserial "end-42" 240
quit
END
    close $script;
    system("timeout 500 $build/vmm -display none -monitor none -m 384 -serial file:$dir/serial -mon-script $dir/ask " .
           "-kernel $guest/vmlinuz -initrd $guest/initrd.gz -append 'console=ttyS0 nokaslr quiet' >$dir/log 2>&1");
    return system("grep -a ' [Tt] [A-Za-z_]' $dir/serial | tr -d '\\r' >$to.new && mv $to.new $to") == 0;
}

# An ELF file with functions, as gdb can use it; false if the tools do not want to.
sub symbol_file
{
    my ($map, $to) = @_;
    my (%address, %seen);
    open my $in, '<', $map or return 0;
    while (<$in>) {
        my ($address, $kind, $name) = split;
        next if $kind !~ /^[Tt]$/ || $name !~ /^[A-Za-z_]\w*$/;
        $seen{$name}++;
        $address{$name} = hex $address if $address =~ /^ffffffff8/;
    }
    my $base = $address{_text} // return 0;
    open my $out, '>', "$to.args";
    for my $name (sort keys %address) {
        my $offset = $address{$name} - $base;
        printf $out "--add-symbol %s=.text:0x%x,function,global\n", $name, $offset
            if $seen{$name} == 1 && $offset >= 0 && $offset < 0x4000000;
    }
    close $out;
    open my $asm, '>', "$to.s";
    print $asm ".text\n.space 0x4000000\n";
    close $asm;
    return system("as -o $to.o $to.s && objcopy \@$to.args $to.o && " .
                  sprintf('ld -Ttext=0x%x -e 0 -o %s %s.o', $base, $to, $to)) == 0;
}

for my $tool (qw(gdb as ld objcopy gcc)) {
    next if grep { -x "$_/$tool" } split /:/, $ENV{PATH};
    print "1..0 # SKIP no $tool here\n";
    exit 0;
}

# ---- from the reset vector into a Debian kernel ----
system("scripts/make-guest $guest >$dir/guest.log 2>&1") if !-e "$guest/vmlinuz" || !-e "$guest/initrd.gz";
my $kallsyms = "$build/kallsyms.txt";
my $symbols = "$dir/vmlinux.sym";
if (ok(ask_symbols($kallsyms) && symbol_file($kallsyms, $symbols), 'symbols of the kernel')) {
    my $text = debug(<<"END", $symbols, '-gdb', "unix:$socket", '-kernel', "$guest/vmlinuz", '-initrd',
target remote $socket
printf "reset %x:%x base %x\\n", \$cs, \$rip, \$cs_base
hbreak *0xfe05b
continue
printf "real %x:%x cr0 %x\\n", \$cs, \$rip, \$cr0 & 1
stepi
printf "stepped %x\\n", \$rip
delete
hbreak *0x100000
continue
printf "protected %x cr0 %x efer %x\\n", \$rip, \$cr0 & 0x80000001, \$efer
delete
hbreak *0x100200
continue
printf "long %x cr0 %x efer %x\\n", \$rip, \$cr0 & 0x80000001, \$efer & 0x400
delete
hbreak start_kernel
continue
info symbol \$rip
stepi
printf "kernel mode %x\\n", \$cs & 3
delete
hbreak vfs_read if \$cs == 0x10
continue
bt 1
x/1i \$pc
monitor info status
info registers rip efer cr4
delete
detach
END
                     "$guest/initrd.gz", '-append', 'nokaslr quiet');
    says($text, 'the CPU stands at the reset vector', qr/^reset f000:fff0 base ffff0000$/m);
    says($text, 'a breakpoint in real mode', qr/^real f000:e05b cr0 0$/m, qr/^stepped e062$/m);
    says($text, 'a breakpoint in protected mode', qr/Breakpoint 2, /, qr/^protected 100000 cr0 1 efer 0$/m);
    says($text, 'a breakpoint in long mode', qr/Breakpoint 3, /, qr/^long 100200 cr0 80000001 efer 400$/m);
    says($text, 'a breakpoint in the kernel, by name', qr/Breakpoint 4, 0xffffffff8\w+ in start_kernel/,
         qr/^start_kernel in section .text/m, qr/^kernel mode 0$/m);
    says($text, 'a breakpoint with a condition', qr/Breakpoint 5, 0xffffffff8\w+ in vfs_read/, qr/=> 0xffffffff8\w+ <vfs_read>/,
         qr/^VM status: paused \(debug\)$/m, qr/^efer +0x\w+/m);
    ok($text !~ /packet reply is too long|Remote .*error|internal-error/i, 'gdb has nothing to complain about');
}

# ---- with the kernel's own DWARF, its addresses moved by KASLR ----
# VMM_VMLINUX is the vmlinux of the package linux-image-VERSION-dbg, of the version that the guest runs.
if (my $vmlinux = $ENV{VMM_VMLINUX}) {
    my $text = debug(<<"END", '', '-m', '384', '-gdb', "unix:$socket", '-kernel', "$guest/vmlinuz", '-initrd',
set architecture i386:x86-64
target remote $socket
hbreak *0xfe05b
continue
printf "real %x cr0 %x\\n", \$rip, \$cr0 & 1
delete
hbreak *0x100000
continue
printf "protected %x cr0 %x\\n", \$rip, \$cr0 & 1
delete
python
import re, gdb
gdb.execute("monitor delete")
# Goes on until the kernel has set LSTAR, by which its place is found.
for i in range(200):
    gdb.execute("monitor break cr3")
    gdb.execute("continue")
    gdb.execute("monitor delete")
    text = gdb.execute("monitor sym load $vmlinux", to_string=True)
    found = re.search(r"offset of (0x[0-9a-f]+)", text)
    if found:
        print("offset", found[1])
        gdb.execute("symbol-file $vmlinux -o " + found[1])
        break
end
hbreak vfs_read
continue
bt 2
print file->f_path.dentry->d_name.name
print count
info line
finish
detach
END
                     "$guest/initrd.gz", '-append', 'quiet');
    says($text, 'DWARF: real and protected mode', qr/^real e05b cr0 0$/m, qr/^protected 100000 cr0 1$/m);
    says($text, 'DWARF: the offset of KASLR', qr/^offset 0x[0-9a-f]+$/m);
    says($text, 'DWARF: arguments and lines in the kernel', qr/vfs_read \(file=\S*0xffff\w+, .*fs\/read_write\.c:\d+/,
         qr/^\$1 = .* "\w+"$/m, qr/ksys_read \(fd=/, qr/^Value returned is \$\d+ = \d+/m);
}

# ---- CPUs are threads ----
if (-s $symbols) {
    my $text = debug(<<"END", $symbols, '-gdb', "unix:$socket", '-smp', '2', '-kernel', "$guest/vmlinuz", '-initrd',
target remote $socket
info threads
hbreak start_secondary
continue
thread 1
stepi
info threads
delete
thread 2
hbreak *\$rip+0x100000
set scheduler-locking on
stepi
stepi
printf "second %d\\n", \$_thread
detach
END
                     "$guest/initrd.gz", '-append', 'nokaslr quiet');
    says($text, 'two threads', qr/Thread 1 \(CPU#0 \[running\]\)/, qr/Thread 2 \(CPU#1 \[halted \]\)/);
    says($text, 'a breakpoint on the second CPU', qr/Thread 2 hit Breakpoint 1, \S+ in start_secondary/);
    says($text, 'each is stepped by itself', qr/\* 1 +Thread 1 \(CPU#0/, qr/^second 2$/m);
}

# ---- 1,000 watchpoints in a kernel of our own ----
my $kernel = "$dir/kernel";
my $made = system("gcc -m32 -g -O1 -fno-inline -ffreestanding -fno-pic -fno-stack-protector " .
                  "-fno-asynchronous-unwind-tables -nostdlib -static -no-pie " .
                  "-Wl,-Ttext=0x100000,-e,_start,--build-id=none,-N -fno-toplevel-reorder -fcf-protection=none " .
                  "-o $kernel.elf tests/boot/gdb_kernel.c >$dir/gcc.log 2>&1 && " .
                  "nm $kernel.elf >$dir/nm && " .
                  "objcopy -O binary $kernel.elf $kernel.bin") == 0;
ok($made, 'kernel of our own made');
if ($made) {
    my ($start) = map { /^(\w+) T _start$/ ? hex $1 : () } do { open my $nm, '<', "$dir/nm"; <$nm> };
    my $watches = join '', map { "watch cells[" . 4 * $_ . "]\n" } 0 .. 999;
    my $begin = time;
    my $text = debug(sprintf(<<'END', $socket, $start, $watches), "$kernel.elf",
set remote hardware-watchpoint-limit -1
set can-use-hw-watchpoints 1
target remote %s
set $eip = %d
tbreak work
continue
%sbreak done
continue
bt
continue
finish
continue
printf "rounds %%u\n", rounds
END
                     '-gdb', "unix:$socket,arch=i386", '-flat', "$kernel.bin", '-32');
    my $set = () = $text =~ /^Hardware watchpoint \d+: cells\[\d+\]$/mg;
    ok($set >= 1000, '1,000 watchpoints set');
    says($text, 'the first store to watched memory', qr/Hardware watchpoint 125: cells\[492\]/, qr/Old value = 0/,
         qr/New value = 77/, qr/store \(cell=/);
    says($text, 'the last watchpoint', qr/Hardware watchpoint 1001: cells\[3996\]/, qr/New value = 88/);
    says($text, 'the end, after all the work', qr/Breakpoint \d+, .*done/, qr/^rounds 300$/m);
    note('with gdb: ' . (time - $begin) . ' s');
}

print "1..$count\n";
exit($failures > 0);
