package disks

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/disks/volume"
	"github.com/gatehouse-os/gatehouse/internal/printable"
)

const blkidHelp = `What is on devices, or on all in /dev, of ext2, ext3, ext4, vfat, xfs, btrfs,
iso9660, squashfs, swap and LUKS.
`

// A device is one with something on it.
type device struct {
	name string
	volume.Volume
}

func blkid(c *command.Call) {
	names := c.Args
	if len(names) == 0 {
		names = blockDevices()
	}
	for _, d := range devices(names) {
		line := d.name + ":"
		if d.Label != "" {
			line += fmt.Sprintf(" LABEL=\"%s\"", d.Label)
		}
		if d.UUID != "" {
			line += fmt.Sprintf(" UUID=\"%s\"", d.UUID)
		}
		fmt.Fprintln(c.Stdout, printable.String(fmt.Sprintf("%s TYPE=\"%s\"", line, d.Type)))
	}
}

// devices are those of the names on which there is something. What cannot be read has nothing for anybody.
func devices(names []string) (found []device) {
	for _, name := range names {
		f, err := os.Open(name)
		if err != nil {
			continue
		}
		if v, ok, err := volume.Identify(f); ok && err == nil {
			found = append(found, device{name, v})
		}
		f.Close()
	}
	return found
}

// blockDevices are those in /dev.
func blockDevices() (names []string) {
	_ = filepath.WalkDir("/dev", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type()&fs.ModeDevice != 0 && d.Type()&fs.ModeCharDevice == 0 {
			names = append(names, path)
		}
		return nil // others may be readable
	})
	return names
}

// deviceOf is the device with UUID=… or LABEL=….
func deviceOf(spec string) (string, error) {
	key, want, _ := strings.Cut(spec, "=")
	for _, d := range devices(blockDevices()) {
		if key == "UUID" && strings.EqualFold(d.UUID, want) || key == "LABEL" && d.Label == want {
			return d.name, nil
		}
	}
	return "", fmt.Errorf("no disk has %s", spec)
}
