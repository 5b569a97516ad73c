#!/usr/bin/expect -f
# A Debian guest installs packages with apt from a repository on the host's loopback, through user networking: a program and
# the SSH server with all it depends on and all scripts of the packages. Then ssh gets into the guest through a forward.
source [file dirname [info script]]/lib.tcl
source [file dirname [info script]]/../net/net.tcl
if {!$all} { skip_all "long; make check-boot runs it" }
kernel_generic
set debian [file normalize $build/guest-debian]
if {![file exists $debian/debian.img]} { exec tests/net/make-debian $debian hello openssh-server 2>@1 }

set f [open $tmp/install w]
puts $f {#!/bin/sh
export DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C HOME=/root
echo "deb [trusted=yes] http://10.0.2.2:$1 ./" >/etc/apt/sources.list
apt-get update && echo UPDATE-GOOD
apt-get install -y --no-install-recommends hello openssh-server && echo INSTALL-GOOD
hello
dpkg -l hello openssh-server | grep ^ii
mkdir -p /run/sshd /root/.ssh
cp /mnt/key.pub /root/.ssh/authorized_keys
chmod 700 /root /root/.ssh; chmod 600 /root/.ssh/authorized_keys; chown -R root:root /root
/usr/sbin/sshd && echo SSHD-GOOD
}
close $f
exec ssh-keygen -q -t ed25519 -N "" -f $tmp/key
set script $prologue
append script {
i=0; while [ $i -lt 50 ] && [ ! -e /dev/sda ]; do sleep 0.1; i=$((i + 1)); done
mkdir /debian && mount -t ext4 /dev/sda /debian && echo MOUNTED
for d in proc sys dev; do mount --bind /$d /debian/$d; done
mkdir -p /debian/dev/pts && mount -t devpts devpts /debian/dev/pts
cp /etc/resolv.conf /debian/etc/resolv.conf
cp /install /debian/root/install; mkdir -p /debian/mnt; cp /key.pub /debian/mnt/
chroot /debian /bin/sh /root/install $(option httpport) </dev/null
echo READY
while true; do sleep 60; done
}
make_initrd $tmp/initrd.gz [list e1000 ata_piix sd_mod ext4 crc32c_generic $tmp/install:/install $tmp/key.pub:/key.pub] $script

set http_port [free_port]
set ssh_port [free_port]
server busybox httpd -f -p 127.0.0.1:$http_port -h $debian/repository
vmm_start -m 384 -kernel $kernel -initrd $tmp/initrd.gz -append "console=ttyS0 quiet httpport=$http_port" \
    -drive file=$debian/debian.img,format=raw,snapshot=on -nic user,hostfwd=tcp:127.0.0.1:$ssh_port-:22
ok [wait_serial MOUNTED 240] "the Debian system is mounted"
ok [wait_serial UPDATE-GOOD 240] "apt-get update from the repository on loopback"
ok [wait_serial INSTALL-GOOD 600] "apt-get install of hello and openssh-server"
ok [wait_serial {Hello, world!} 30] "the installed program runs"
ok [wait_serial {ii +openssh-server} 30] "dpkg knows the packages"
ok [wait_serial SSHD-GOOD 60] "the installed server runs"
set said ""
catch { exec timeout 120 ssh -q -i $tmp/key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes \
    -p $ssh_port root@127.0.0.1 "echo HELLO-\$(cat /etc/debian_version); head -c 3000000 /dev/zero | md5sum" } said
ok [string match *HELLO-12* $said] "ssh through the forward"
ok [string match *[lindex [exec sh -c "head -c 3000000 /dev/zero | md5sum"] 0]* $said] "ssh: right output"
note $said
vmm_quit
servers_stop
done
