package boot

import (
	"cmp"
	"slices"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// StorageKind says where /perm is.
type StorageKind string

// The places of /perm. With StorageLost there is none that lasts: what is promised
// is kept in memory until the next start.
const (
	StorageDisk StorageKind = "disk" // a disk of its own
	StorageRoot StorageKind = "root" // a directory of the root disk
	StorageLost StorageKind = "lost" // in memory
)

// Storage is what became of /perm.
type Storage struct {
	Kind    StorageKind `json:"kind"`
	Device  string      `json:"device,omitempty"`  // of StorageDisk, or of the disk that is broken
	Problem string      `json:"problem,omitempty"` // why it is lost
	// NoJournal: the disk has none, so a power cut can damage it and lose what was promised.
	NoJournal bool `json:"no_journal,omitempty"`
}

// Step is one measured step of the boot.
type Step struct {
	Name    string        `json:"name"`
	At      time.Duration `json:"at_ns"` // its begin, since the kernel started
	Took    time.Duration `json:"took_ns"`
	Note    string        `json:"note,omitempty"`
	Problem string        `json:"problem,omitempty"`
}

// Report is what has happened so far.
type Report struct {
	Storage Storage `json:"storage"`
	Rescue  string  `json:"rescue,omitempty"` // why this is a boot to a console only
	Steps   []Step  `json:"steps"`
	// Watchdog is what the kernel's command line says after gatehouse.watchdog=.
	Watchdog string `json:"watchdog,omitempty"`
}

// Uptime is the time since the kernel started, sleep included (CLOCK_BOOTTIME).
// It does not move when the clock is set.
//
// The call never waits, so Go's scheduler is not told of it, which it is by unix.ClockGettime: what that
// costs a service that looks at the clock for each message, internal/mmsg says.
func Uptime() time.Duration {
	var ts unix.Timespec
	_, _, errno := unix.RawSyscall(unix.SYS_CLOCK_GETTIME, unix.CLOCK_BOOTTIME, uintptr(unsafe.Pointer(&ts)),
		0)
	if errno != 0 {
		return 0 // no such clock: Linux before 2.6.39
	}
	return time.Duration(ts.Nano())
}

// step does one step, times it into the log and the report, and goes on whatever
// happens in it.
func (b *boot) step(name string, do func() (note string, err error)) {
	s := Step{Name: name, At: b.Log.Uptime()}
	err := b.guard(func() (err error) {
		s.Note, err = do()
		return err
	})
	s.Took = b.Log.Uptime() - s.At
	took := s.Took.Round(100 * time.Microsecond)
	if err != nil {
		s.Problem = err.Error()
		b.say("%s: PROBLEM after %v: %s", name, took, s.Problem)
	} else {
		b.say("%s: %s (%v)", name, cmp.Or(s.Note, "done"), took)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.report.Steps = append(b.report.Steps, s)
}

func (b *boot) reportNow() Report {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.report
	r.Steps = slices.Clone(r.Steps)
	return r
}
