package privdrop

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// denied are the system calls that no service makes after its start and that
// an intruder would want: new programs, other processes' memory, the mount
// tree and namespaces, the kernel's own code and large parts of it that have a
// history of holes. They fail with EPERM.
//
// A list of what is denied, not of what is allowed: the Go runtime's own needs
// change with its version, and a refused call in it would kill the service.
func denied() []uint32 {
	return append([]uint32{
		unix.SYS_EXECVE, unix.SYS_EXECVEAT,
		unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_KCMP,
		unix.SYS_PIDFD_GETFD, unix.SYS_PROCESS_MADVISE,
		unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT,
		unix.SYS_FSOPEN, unix.SYS_FSCONFIG, unix.SYS_FSMOUNT, unix.SYS_FSPICK,
		unix.SYS_OPEN_TREE, unix.SYS_MOVE_MOUNT, unix.SYS_MOUNT_SETATTR,
		unix.SYS_UNSHARE, unix.SYS_SETNS,
		unix.SYS_OPEN_BY_HANDLE_AT, unix.SYS_NAME_TO_HANDLE_AT,
		unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_DELETE_MODULE,
		unix.SYS_KEXEC_LOAD, unix.SYS_KEXEC_FILE_LOAD, unix.SYS_REBOOT,
		unix.SYS_SWAPON, unix.SYS_SWAPOFF, unix.SYS_ACCT, unix.SYS_QUOTACTL,
		unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN, unix.SYS_USERFAULTFD,
		// io_uring does what its submitter asks outside of this filter.
		unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER,
		unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY, unix.SYS_KEYCTL,
		unix.SYS_SYSLOG, unix.SYS_PERSONALITY, unix.SYS_SETHOSTNAME, unix.SYS_SETDOMAINNAME,
		unix.SYS_FANOTIFY_INIT, unix.SYS_LOOKUP_DCOOKIE, unix.SYS_VHANGUP,
		unix.SYS_MOVE_PAGES, unix.SYS_MIGRATE_PAGES,
	}, deniedHere()...)
}

// Offsets in struct seccomp_data, seccomp(2).
const (
	offsetNr   = 0
	offsetArch = 4
	offsetArg0 = 16 // its lower half, little-endian
)

// x32 system calls are the numbers with this bit, on a kernel that has them:
// the same calls by another name. No other architecture has numbers so high.
const x32Bit = 0x40000000

// filter is the BPF program: calls of another architecture (int 0x80 of a
// 64-bit process) and of x32 are refused as a whole, then each of nrs, then
// what would make a process instead of a thread, and the rest is allowed.
func filter(arch uint32, nrs []uint32) []unix.SockFilter {
	load := func(off uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: off}
	}
	ret := func(k uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: k}
	}
	jump := func(op uint16, k uint32, yes, no uint8) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | op | unix.BPF_K, K: k, Jt: yes, Jf: no}
	}
	deny := ret(unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM))
	prog := []unix.SockFilter{
		load(offsetArch),
		jump(unix.BPF_JEQ, arch, 1, 0), deny,
		load(offsetNr),
		jump(unix.BPF_JGE, x32Bit, 0, 1), deny,
	}
	for _, nr := range nrs {
		prog = append(prog, jump(unix.BPF_JEQ, nr, 0, 1), deny)
	}
	return append(prog,
		// The flags of clone3 are out of a filter's sight. ENOSYS: who knows
		// clone3 then takes clone.
		jump(unix.BPF_JEQ, unix.SYS_CLONE3, 0, 1), ret(unix.SECCOMP_RET_ERRNO|uint32(unix.ENOSYS)),
		// Threads, yes. Processes, and with them user namespaces in which the
		// process would be root again, no.
		jump(unix.BPF_JEQ, unix.SYS_CLONE, 0, 3),
		load(offsetArg0),
		jump(unix.BPF_JSET, unix.CLONE_THREAD, 1, 0), deny,
		ret(unix.SECCOMP_RET_ALLOW),
	)
}

// loadFilter installs the filter on all threads at once. It needs no_new_privs,
// which the Landlock step has set.
func loadFilter() error {
	prog := filter(auditArch, denied())
	fprog := unix.SockFprog{Len: uint16(len(prog)), Filter: &prog[0]}
	tid, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER,
		unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&fprog)))
	if errno != 0 {
		return fmt.Errorf("load the filter (is CONFIG_SECCOMP_FILTER in the kernel?): %w", errno)
	}
	if tid != 0 {
		return fmt.Errorf("thread %d has a filter of its own and cannot take this one", tid)
	}
	return nil
}
