package system

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/system/proc"
)

// An openFile is a file that a process uses, and what is known of it.
type openFile struct {
	proc.Use
	stat   unix.Stat_t
	known  bool // stat is
	socket proc.Socket
	inode  uint64 // of a socket; 0: it is none
}

// openFiles are those of a process.
func openFiles(id int, sockets map[uint64]proc.Socket) []openFile {
	var all []openFile
	for _, use := range proc.Uses(procFS(), id) {
		f := openFile{Use: use}
		name := "/proc/" + use.Link
		if use.Link == "" {
			name = use.Target
		}
		f.known = unix.Stat(name, &f.stat) == nil
		if use.Link == "" && f.known && (f.stat.Dev != use.Device || f.stat.Ino != use.Inode) {
			f.known = false // another file is there by now
		}
		if inode, ok := strings.CutPrefix(use.Target, "socket:["); ok {
			f.inode, _ = strconv.ParseUint(strings.TrimSuffix(inode, "]"), 10, 64)
			f.socket = sockets[f.inode]
		}
		all = append(all, f)
	}
	return all
}

// device is the number of the file system that a file is in.
func (f *openFile) device() uint64 {
	if f.Link == "" {
		return f.Device
	}
	return f.stat.Dev
}

func (f *openFile) file() uint64 {
	if f.Link == "" {
		return f.Inode
	}
	return f.stat.Ino
}

// A named file is one that is asked for: itself, or all of a file system.
type namedFile struct {
	name          string
	device, inode uint64
	all           bool // of the device
}

// lookAt finds a file that is asked for. whole: all of its file system is, as it is of a device with one.
func lookAt(name string, whole bool) (n namedFile, err error) {
	var st unix.Stat_t
	if err := unix.Stat(name, &st); err != nil {
		return n, fmt.Errorf("%s: %w", name, err)
	}
	n = namedFile{name: name, device: st.Dev, inode: st.Ino, all: whole}
	if st.Mode&unix.S_IFMT == unix.S_IFBLK && (whole || mounted(st.Rdev)) {
		n.device, n.all = st.Rdev, true
	}
	return n, nil
}

// mounted reports whether a device's file system is somewhere in the tree.
func mounted(device uint64) bool {
	for _, m := range proc.Mounts(procFS()) {
		if m.Device == device {
			return true
		}
	}
	return false
}

// isMount reports whether a file system begins at a directory.
func isMount(name string) bool {
	whole, err := filepath.Abs(name)
	if err == nil {
		whole, err = filepath.EvalSymlinks(whole)
	}
	if err != nil {
		return false
	}
	for _, m := range proc.Mounts(procFS()) {
		if m.Path == whole {
			return true
		}
	}
	return false
}

// is reports whether a file is the one that is asked for.
func (n namedFile) is(f *openFile) bool {
	if f.inode != 0 || !f.known && f.Link != "" {
		return n.socket(f)
	}
	return f.device() == n.device && (n.all || f.file() == n.inode)
}

// socket reports whether a socket is the one that is bound to a path.
func (n namedFile) socket(f *openFile) bool {
	return f.socket.Path != "" && f.socket.Path == n.name
}
