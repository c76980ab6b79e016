package privdrop

import (
	"testing"

	"golang.org/x/sys/unix"
)

const (
	allow  = uint32(unix.SECCOMP_RET_ALLOW)
	eperm  = uint32(unix.SECCOMP_RET_ERRNO) | uint32(unix.EPERM)
	enosys = uint32(unix.SECCOMP_RET_ERRNO) | uint32(unix.ENOSYS)
)

// run is what the kernel does with a filter, for the instructions used here.
func run(t *testing.T, prog []unix.SockFilter, arch, nr uint32, arg0 uint64) uint32 {
	t.Helper()
	data := map[uint32]uint32{offsetNr: nr, offsetArch: arch, offsetArg0: uint32(arg0)}
	var acc uint32
	for pc := 0; pc < len(prog); pc++ {
		in := prog[pc]
		jump := func(cond bool) {
			if cond {
				pc += int(in.Jt)
			} else {
				pc += int(in.Jf)
			}
		}
		switch in.Code {
		case unix.BPF_LD | unix.BPF_W | unix.BPF_ABS:
			word, ok := data[in.K]
			if !ok {
				t.Fatalf("loads offset %d", in.K)
			}
			acc = word
		case unix.BPF_RET | unix.BPF_K:
			return in.K
		case unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K:
			jump(acc == in.K)
		case unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K:
			jump(acc >= in.K)
		case unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K:
			jump(acc&in.K != 0)
		default:
			t.Fatalf("instruction %d: unknown code %#x", pc, in.Code)
		}
	}
	t.Fatal("runs past the end")
	return 0
}

// Every number that a 64-bit process can call, against the list itself.
func TestFilterAllNumbers(t *testing.T) {
	prog := filter(auditArch, denied())
	want := map[uint32]uint32{unix.SYS_CLONE3: enosys}
	for _, nr := range denied() {
		want[nr] = eperm
	}
	for nr := range uint32(1024) {
		expect, listed := want[nr]
		if !listed {
			expect = allow
		}
		if got := run(t, prog, auditArch, nr, unix.CLONE_THREAD); got != expect {
			t.Errorf("system call %d: %#x, want %#x", nr, got, expect)
		}
	}
	for _, nr := range []uint32{unix.SYS_READ, unix.SYS_FUTEX, unix.SYS_SENDTO, unix.SYS_OPENAT, unix.SYS_CLOCK_ADJTIME} {
		if got := run(t, prog, auditArch, nr, 0); got != allow {
			t.Errorf("system call %d, which services need: %#x", nr, got)
		}
	}
}

func TestFilterBackDoors(t *testing.T) {
	prog := filter(auditArch, denied())
	for _, c := range []struct {
		name     string
		arch, nr uint32
		arg0     uint64
		want     uint32
	}{
		{"execve by its number on i386, int 0x80", unix.AUDIT_ARCH_I386, 11, 0, eperm},
		{"read on i386 too: the whole table is another", unix.AUDIT_ARCH_I386, 3, 0, eperm},
		{"read by x32", auditArch, x32Bit | unix.SYS_READ, 0, eperm},
		{"number -1", auditArch, 0xffffffff, 0, eperm},
		{"thread", auditArch, unix.SYS_CLONE, unix.CLONE_VM | unix.CLONE_THREAD | unix.CLONE_SIGHAND, allow},
		{"process", auditArch, unix.SYS_CLONE, uint64(unix.SIGCHLD), eperm},
		{"user namespace", auditArch, unix.SYS_CLONE, unix.CLONE_NEWUSER | uint64(unix.SIGCHLD), eperm},
		{"flags above 32 bits do not help", auditArch, unix.SYS_CLONE, 1 << 40, eperm},
	} {
		if got := run(t, prog, c.arch, c.nr, c.arg0); got != c.want {
			t.Errorf("%s: %#x, want %#x", c.name, got, c.want)
		}
	}
}
