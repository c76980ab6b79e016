package boot

import (
	"context"
	"io/fs"
	"time"
)

// OS is what boot does to the machine. Linux is the real one.
type OS interface {
	Disks
	Files
	Machine
	Terminals
}

// Disks is the part of OS with the file systems.
type Disks interface {
	// Mount mounts; what is mounted there already, the same way, is no error.
	Mount(m Mount) error
	Unmount(target string) error
	// Devices returns the block devices that hold an ext2, ext3 or ext4 file system.
	Devices() ([]Device, error)
	// Fsck runs e2fsck -p and returns its exit status, a sum of bits (e2fsck(8)),
	// and what it printed. err: it could not be run, or was killed.
	Fsck(ctx context.Context, device string) (status int, output string, err error)
	Sync()
}

// Files is the part of OS with files and directories.
type Files interface {
	ReadFile(path string, max int64) ([]byte, error)
	// WriteFile returns when the file is on stable storage.
	WriteFile(path string, data []byte, perm fs.FileMode) error
	// MakeDir makes the directory, or gives an existing one this owner and mode.
	MakeDir(d Dir) error
}

// Machine is the part of OS with what is neither file nor disk.
type Machine interface {
	SetHostname(name string) error
	// CatchCtrlAltDel makes ctrl-alt-del a SIGINT instead of a reset.
	CatchCtrlAltDel() error
	// Set makes settings of the kernel, as many as can be made.
	Set(all []Setting) error
	// AddEntropy stirs seed into the kernel's random pool, without credit.
	AddEntropy(seed []byte) error
	// Random waits until the kernel's random numbers are ready.
	Random(n int) ([]byte, error)
	// EndAll ends all other processes: SIGTERM, and after grace SIGKILL.
	EndAll(grace time.Duration)
	// Power ends the machine and does not return, unless it fails.
	Power(k Kind) error
}

// Terminals is the part of OS with the consoles.
type Terminals interface {
	// Consoles returns the devices that the kernel uses as console.
	Consoles() []string
	// Ask shows text and waits for Enter; an error when ctx ends or the terminal fails.
	Ask(ctx context.Context, tty, text string) error
	// Shell runs argv on the terminal as its controlling terminal until it ends.
	Shell(tty string, argv []string) error
}

// Mount is a mount in the words of mount(8).
type Mount struct {
	Type    string // "": what is mounted at Target already, or of Source for a bind
	Source  string
	Target  string
	Options string // separated by commas
}

// Device is a block device with an ext2, ext3 or ext4 file system.
type Device struct {
	Path     string // /dev/xvdb
	Label    string // s_volume_name
	Clean    bool   // left in order: unmounted, no errors, no journal to replay
	Root     bool   // it is mounted on /
	ReadOnly bool   // it takes no writes
	// NoJournal: a power cut can damage it, and lose what was said to be on it.
	NoJournal bool
}
