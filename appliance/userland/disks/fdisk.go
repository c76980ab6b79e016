package disks

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/disks/partition"
)

const fdiskHelp = `	-l	the partitions of disks, or of all
	-u	in sectors (default)
	-b N	sectors have N bytes
	-C N -H N -S N	cylinders, heads, sectors of a track
It changes no partitions.
`

// A disk is one that is open.
type disk struct {
	name                      string
	sectorSize                int
	sectors                   uint64 // of 512 bytes
	cylinders, heads, perHead uint64 // geometry
}

// A geometry is what was given of it; 0 is not.
type geometry struct{ sectorSize, cylinders, heads, sectors int }

func fdisk(c *command.Call) {
	g, err := readGeometry(c)
	switch {
	case err != nil:
		c.Misused("%v", err)
		return
	case !c.Has('l'):
		c.Misused("it lists partitions (-l); to change them take the disk to another machine")
		return
	}
	names := c.Args
	if len(names) == 0 {
		if names, err = wholeDisks(); err != nil {
			c.Fail(err)
		}
	}
	for _, name := range names {
		if err := listDisk(c, name, g); err != nil && (len(c.Args) > 0 || errors.Is(err, unix.EACCES)) {
			c.Fail(err)
		}
	}
}

func readGeometry(c *command.Call) (g geometry, err error) {
	for letter, n := range map[byte]*int{'b': &g.sectorSize, 'C': &g.cylinders, 'H': &g.heads,
		'S': &g.sectors} {
		if text, given := c.Value(letter); given {
			if *n, err = strconv.Atoi(text); err != nil || *n < 0 {
				return g, fmt.Errorf("-%c %s: expected a number", letter, text)
			}
		}
	}
	if s := g.sectorSize; c.Has('b') && (s < 512 || s > 64<<10 || s&(s-1) != 0) {
		return g, fmt.Errorf("-b %d: expected 512, 1024, 2048, ... 65536", s)
	}
	if g.heads >= 256 {
		g.heads = 0
	}
	if g.sectors >= 64 {
		g.sectors = 0
	}
	return g, nil
}

// listDisk prints the partitions of one.
func listDisk(c *command.Call, name string, g geometry) error {
	f, err := os.Open(name)
	if err != nil {
		return command.Cannot("open", name, err)
	}
	defer f.Close()
	d, err := measured(f, g)
	if err != nil {
		return command.Named(name, err)
	}
	table, err := partition.Read(f, d.sectorSize)
	d.setGeometry(f, g, table)
	if err != nil {
		d.head(c.Stdout)
		fmt.Fprintf(c.Stdout, "Disk %s doesn't contain a valid partition table\n", name)
		return nil
	}
	gpt, err := partition.ReadGPT(f, d.sectorSize)
	switch {
	case err == nil:
		d.listGPT(c, gpt)
		return nil
	case !errors.Is(err, partition.ErrNone):
		c.Fail(command.Named(name, err))
	}
	for _, note := range table.Notes {
		c.Warn(fmt.Errorf("%s: %s", name, note))
	}
	d.list(c.Stdout, table)
	return nil
}

// measured is a disk with its size.
func measured(f *os.File, g geometry) (disk, error) {
	first := make([]byte, partition.SectorSize)
	if _, err := f.ReadAt(first, 0); err != nil {
		if errors.Is(err, io.EOF) {
			return disk{}, errors.New("it is too small for a disk")
		}
		return disk{}, err
	}
	d := disk{name: f.Name(), sectorSize: 512}
	if size, err := unix.IoctlGetInt(int(f.Fd()), unix.BLKSSZGET); err == nil && size >= 512 {
		d.sectorSize = size
	}
	if g.sectorSize > 0 {
		d.sectorSize = g.sectorSize
	}
	var err error
	d.sectors, err = sizeOf(f)
	return d, err
}

// sizeOf is that of a disk, or of a file in its place, in sectors of 512 bytes.
func sizeOf(f *os.File) (uint64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if info.Mode().IsRegular() {
		return uint64(info.Size()) / 512, nil
	}
	var size uint64
	err = ioctl(f, unix.BLKGETSIZE64, unsafe.Pointer(&size))
	return size / 512, err
}

// setGeometry is the geometry: as given, as the partitions end, as the kernel has it, or what all have.
func (d *disk) setGeometry(f *os.File, g geometry, t partition.Table) {
	d.heads, d.perHead = 255, 63
	if heads, sectors, _, err := kernelGeometry(f); err == nil && heads > 0 && sectors > 0 {
		d.heads, d.perHead = uint64(heads), uint64(sectors)
	}
	if heads, sectors, ok := endsOf(t); ok {
		d.heads, d.perHead = uint64(heads), uint64(sectors)
	}
	if g.heads > 0 {
		d.heads = uint64(g.heads)
	}
	if g.sectors > 0 {
		d.perHead = uint64(g.sectors)
	}
	d.cylinders = d.sectors / max(d.heads*d.perHead*uint64(d.sectorSize/512), 1)
	if d.cylinders == 0 {
		d.cylinders = uint64(g.cylinders)
	}
}

// endsOf is the geometry by which all primary partitions end at the end of a cylinder.
func endsOf(t partition.Table) (heads, sectors int, ok bool) {
	for _, p := range t.Parts[:min(4, len(t.Parts))] {
		switch h, s := p.End.Head+1, p.End.Sector; {
		case p.Type == 0:
		case !ok:
			heads, sectors, ok = h, s, true
		case h != heads || s != sectors:
			return 0, 0, false
		}
	}
	return heads, sectors, ok && heads > 0 && sectors > 0
}

// kernelGeometry is struct hd_geometry of linux/hdreg.h.
func kernelGeometry(f *os.File) (heads, sectors uint8, start uint64, err error) {
	const getGeometry = 0x301 // HDIO_GETGEO
	var g struct {
		Heads, Sectors uint8
		Cylinders      uint16
		Start          uint64
	}
	err = ioctl(f, getGeometry, unsafe.Pointer(&g))
	return g.Heads, g.Sectors, g.Start, err
}

func ioctl(f *os.File, request uintptr, into unsafe.Pointer) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), request, uintptr(into)); errno != 0 {
		return errno
	}
	return nil
}

// wholeDisks are those of /proc/partitions that are no partitions.
func wholeDisks() (names []string, err error) {
	const file = "/proc/partitions"
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, command.Named(file, err)
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) != 4 || f[0] == "major" {
			continue
		}
		if name := "/dev/" + f[3]; isWhole(name) {
			names = append(names, name)
		}
	}
	return names, nil
}

func isWhole(name string) bool {
	if f, err := os.Open(name); err == nil {
		defer f.Close()
		if _, _, start, err := kernelGeometry(f); err == nil {
			return start == 0
		}
	}
	return !endsInDigit(name)
}

func endsInDigit(name string) bool {
	last := name[len(name)-1:]
	return last >= "0" && last <= "9"
}
