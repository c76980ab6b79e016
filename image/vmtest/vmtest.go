// Package vmtest boots the real image, and real hosts behind it, in QEMU.
//
// A test starts a virtual machine, watches and types on its serial console, and ends it orderly or by cutting
// its power. It guarantees that no virtual machine, namespace or file outlives the test process, except the
// console logs of a failed test, whose place is printed. Deadlines are generous guards against waiting for
// ever, never assertions: everything runs under TCG, on machines of any speed, and /dev/kvm is not trusted.
//
// The package is for tests and benchmarks only; it needs root for its networks and the packages that its
// errors name.
package vmtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Guard is the time after which waiting for a step that should take seconds is given up.
const Guard = 3 * time.Minute

// Machine says what to start. The zero value of a field means what its comment says.
//
// A Linux of more than one processor may die of an "int3" oops here: the kernel changes its own code behind a
// breakpoint, and QEMU, which translates for each of its processors in a thread of its own, can keep a
// translation of the breakpoint when the kernel has taken it back. It happens within a second when a guest
// changes code all the time (QEMU 7.2), within some (10.0), and never with -accel tcg,thread=single; Debian's
// kernel dies like ours. Without a word it dies where the code is that tells printk the time.
type Machine struct {
	Name     string // of the log files; "vm"
	Kernel   string // a bzImage; none: boot from the first network card
	Initrd   string // none
	Append   string // the kernel's command line
	Disks    []Disk // vda, vdb, … in this order
	NICs     []NIC  // eth0, eth1, … in this order
	MemoryMB int    // 128
	CPUs     int    // 1
	CPU      string // QEMU's -cpu; "max", which makes a Debian load drivers for all that it can do
	Firmware bool   // show the firmware's words on the console too, iPXE's among them
	Watchdog bool   // Intel's 6300ESB, which resets the machine
	Clock    string // the time in UTC that its clock begins with, "1970-01-01T00:00:00"; the host's
}

// Disk is a raw disk image that the machine writes to. Writes that the machine has flushed are in the host's
// page cache or on its disk and survive Kill. Writes that never left the machine's own page cache do not, as
// in a real power cut; a write that left it without a flush does survive, unlike in the worst real disk: for
// that there is Log.
type Disk struct {
	Path     string
	Snapshot bool // the file is left as it is: what the machine writes is gone with it
	Sector   int  // bytes of a sector that the machine sees; 512
	// Log is an empty file that what the machine does to the disk is noted in: see ReadDiskLog. With it
	// nothing is flushed to the host's disk.
	Log string
}

// VM is a running machine.
type VM struct {
	*Console
	name string
	dir  string
	cmd  *exec.Cmd
	qmp  *qmp

	exited chan struct{} // closed when QEMU is gone
	err    error         // of QEMU; read after exited
	closed sync.Once
}

// Start starts a machine that ends with the test at the latest. When the test fails, the end of the console's
// log is printed and the log is kept.
func Start(t testing.TB, m Machine) *VM {
	t.Helper()
	dir, err := os.MkdirTemp("", "gatehouse-vmtest-")
	if err != nil {
		t.Fatal(err)
	}
	// The test's own context ends before its cleanups, which may still have questions to the machine.
	vm, err := Launch(context.WithoutCancel(t.Context()), dir, m)
	if err != nil {
		os.RemoveAll(dir)
		t.Fatal(err)
	}
	t.Cleanup(func() {
		end := vm.end()
		vm.Kill()
		if !t.Failed() {
			os.RemoveAll(dir)
			return
		}
		t.Logf("%s: QEMU %s", vm.name, end)
		t.Logf("%s: the end of its console (whole log: %s)\n%s", vm.name, vm.logFile(), vm.Tail(40))
	})
	return vm
}

// Launch starts a machine outside of a test; its sockets and logs are in dir. The caller ends it with Kill,
// and the end of ctx ends it too.
func Launch(ctx context.Context, dir string, m Machine) (*VM, error) {
	path, err := exec.LookPath("qemu-system-x86_64")
	if err != nil {
		return nil, errors.New("qemu-system-x86_64 is missing: apt-get install qemu-system-x86 ipxe-qemu")
	}
	if m.Name == "" {
		m.Name = "vm"
	}
	vm := &VM{name: m.Name, dir: dir, exited: make(chan struct{})}
	if vm.Console, err = newConsole(vm.logFile()); err != nil {
		return nil, err
	}
	socket := filepath.Join(dir, m.Name+".qmp")
	vm.cmd = exec.CommandContext(ctx, path, arguments(m, socket)...)
	for _, n := range m.NICs {
		vm.cmd.ExtraFiles = append(vm.cmd.ExtraFiles, n.Port.File)
	}
	vm.cmd.Stdout, vm.cmd.Stderr = vm.Console, vm.Console
	if vm.Console.input, err = vm.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	err = vm.run()
	for _, n := range m.NICs {
		n.Port.File.Close() // it is QEMU's now, and gone with it
	}
	if err != nil {
		return nil, fmt.Errorf("%s: start QEMU: %w", m.Name, err)
	}
	if vm.qmp, err = dialQMP(ctx, socket, vm.exited); err != nil {
		vm.Kill()
		return nil, fmt.Errorf("%s: QEMU's control socket: %w; it said: %s", m.Name, err, vm.Tail(5))
	}
	return vm, nil
}

// run starts QEMU, and tells of its end by closing exited. A test process that dies takes its machines along:
// the kernel kills QEMU when the thread that started it ends, which therefore does nothing else until QEMU is
// gone.
func (vm *VM) run() error {
	vm.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := vm.cmd.Start()
		started <- err
		if err == nil {
			vm.err = vm.cmd.Wait()
			vm.Console.close()
			close(vm.exited)
		}
	}()
	return <-started
}

func (vm *VM) logFile() string { return filepath.Join(vm.dir, vm.name+".console") }

// Kill cuts the machine's power: nothing in it gets to run any more. A machine that is off already stays so.
func (vm *VM) Kill() {
	_ = vm.cmd.Process.Kill() // fails only when it is gone
	<-vm.exited
	vm.closed.Do(func() {
		if vm.qmp != nil {
			vm.qmp.close()
		}
	})
}

// Exited is closed when the machine has been switched off, by itself or otherwise.
func (vm *VM) Exited() <-chan struct{} { return vm.exited }

// end tells whether QEMU still runs, or how it ended.
func (vm *VM) end() string {
	select {
	case <-vm.exited:
		return "had ended: " + vm.cmd.ProcessState.String()
	default:
		return "was running"
	}
}

// Wait waits until the machine has switched itself off.
func (vm *VM) Wait(ctx context.Context) error {
	select {
	case <-vm.exited:
		return vm.err
	case <-ctx.Done():
		return fmt.Errorf("%s did not switch itself off: %w", vm.name, ctx.Err())
	}
}

// PowerButton presses the machine's power button (ACPI).
func (vm *VM) PowerButton(ctx context.Context) error {
	return vm.qmp.execute(ctx, "system_powerdown", nil)
}

// CtrlAltDel presses the three keys.
func (vm *VM) CtrlAltDel(ctx context.Context) error {
	type key struct {
		Type string `json:"type"`
		Data string `json:"data"`
	}
	keys := []key{{"qcode", "ctrl"}, {"qcode", "alt"}, {"qcode", "delete"}}
	return vm.qmp.execute(ctx, "send-key", map[string]any{"keys": keys})
}

// Break sends a break on the serial line that the console is.
func (vm *VM) Break(ctx context.Context) error {
	return vm.qmp.execute(ctx, "chardev-send-break", map[string]string{"id": "serial0"})
}
