// Package disks has the commands about disks and what is mounted. They read partitions and superblocks, which
// anybody may have written; what mounts is the kernel. Nothing here writes to a disk.
package disks

import "github.com/gatehouse-os/gatehouse/appliance/userland/command"

// Commands are those of this room.
func Commands() map[string]command.Command {
	return map[string]command.Command{
		"blkid": {Usage: "[DEVICE]...", Help: blkidHelp, Run: blkid},
		"fdisk": {
			Usage: "-l [-u] [-b SIZE] [-C CYLINDERS] [-H HEADS] [-S SECTORS] [DISK]...", Help: fdiskHelp,
			Letters: "b:C:H:lS:u", Run: fdisk,
		},
		"losetup": {
			Usage: "[-rP] [-o OFFSET] {-f | DEVICE} FILE | -f | -a | [-d | -c] DEVICE", Help: losetupHelp,
			Letters: "cdPo:far", Run: losetup,
		},
		"mount": {
			Usage: "[-afrw] [-t TYPE] [-o LIST] [-O LIST] [-T FILE] [WHAT] [WHERE]", Help: mountHelp,
			Raw: true, Run: mount,
		},
		"umount": {
			Usage: "[-aflrd] [-t TYPE,...] WHAT...", Help: umountHelp, Letters: "fldnrat:cvi",
			Long: umountLong(), Run: umount,
		},
	}
}
