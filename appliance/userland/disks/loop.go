package disks

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

// maxLoops is the most devices that are looked at.
const maxLoops = 1024

func loopName(n int) string { return "/dev/loop" + strconv.Itoa(n) }

// A loop is a file as a device (loop(4)).
type loop struct {
	file            string
	offset, limit   uint64
	readOnly        bool
	partitions      bool // it has some
	freedWhenUnused bool
}

// freeLoop is the number of a device that the kernel has to give.
func freeLoop() (int, error) {
	const control = "/dev/loop-control"
	f, err := os.OpenFile(control, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, errors.New("this kernel has no loop devices (" + control + ")")
	}
	if err != nil {
		return 0, command.Named(control, err)
	}
	defer f.Close()
	n, err := unix.IoctlRetInt(int(f.Fd()), unix.LOOP_CTL_GET_FREE)
	return n, command.Named(control, err)
}

// attachFree makes a device of the file, whichever is free. Another may be quicker to take it: then it is the
// next.
func (l loop) attachFree() (device *os.File, err error) {
	for range maxLoops {
		n, err := freeLoop()
		if err != nil {
			return nil, err
		}
		device, err = l.attach(loopName(n))
		if !errors.Is(err, unix.EBUSY) {
			return device, err
		}
	}
	return nil, errors.New("no loop device is free")
}

// attach makes the device of that name of the file. It is still open.
func (l loop) attach(name string) (device *os.File, err error) {
	file, readOnly, err := openRW(l.file, l.readOnly)
	if err != nil {
		return nil, command.Named(l.file, err)
	}
	defer file.Close()
	device, readOnly, err = openRW(name, readOnly)
	if err != nil {
		return nil, command.Named(name, err)
	}
	config := unix.LoopConfig{Fd: uint32(file.Fd()),
		Info: unix.LoopInfo64{Offset: l.offset, Sizelimit: l.limit}}
	for flag, set := range map[uint32]bool{
		unix.LO_FLAGS_READ_ONLY: readOnly, unix.LO_FLAGS_PARTSCAN: l.partitions,
		unix.LO_FLAGS_AUTOCLEAR: l.freedWhenUnused,
	} {
		if set {
			config.Info.Flags |= flag
		}
	}
	copy(config.Info.File_name[:len(config.Info.File_name)-1], l.file)
	if err := unix.IoctlLoopConfigure(int(device.Fd()), &config); err != nil {
		device.Close()
		return nil, command.Named(name, err)
	}
	return device, nil
}

// openRW opens to read only what cannot be written to.
func openRW(name string, readOnly bool) (f *os.File, ro bool, err error) {
	if !readOnly {
		if f, err = os.OpenFile(name, os.O_RDWR, 0); err == nil {
			return f, false, nil
		}
	}
	f, err = os.Open(name)
	return f, true, err
}

// loopFor is a device of a file, to be mounted by options, of which it takes those that are its own.
func loopFor(file string, o *options) (*os.File, error) {
	l := loop{file: file, readOnly: o.flags&unix.MS_RDONLY != 0, freedWhenUnused: true}
	for name, value := range map[string]*uint64{"offset": &l.offset, "sizelimit": &l.limit} {
		text := o.cut(name)
		if text == "" {
			continue
		}
		n, err := strconv.ParseUint(text, 0, 63)
		if err != nil {
			return nil, fmt.Errorf("%s=%s: expected a number of bytes", name, text)
		}
		*value = n
	}
	return l.attachFree()
}

// describe is what a device is made of: "0 FILE"; ok is false if it is of nothing.
func describe(name string) (text string, ok bool, err error) {
	f, err := os.Open(name)
	if err != nil {
		return "", false, command.Named(name, err)
	}
	defer f.Close()
	info, err := unix.IoctlLoopGetStatus64(int(f.Fd()))
	if err != nil {
		return "", false, command.Named(name, err)
	}
	file, _, _ := bytes.Cut(info.File_name[:], []byte{0})
	return fmt.Sprintf("%d %s", info.Offset, file), true, nil
}

// detach frees a device.
func detach(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return command.Named(name, err)
	}
	defer f.Close()
	return command.Named(name, unix.IoctlSetInt(int(f.Fd()), unix.LOOP_CLR_FD, 0))
}
