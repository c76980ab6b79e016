// Package archive has the commands that pack many files into one, and that make files smaller: tar, cpio,
// gzip, bzip2, xz and their kin. What they do is busybox's, see package command.
//
// An archive is a stranger's. Its names do not lead out of the directory that it is unpacked in; links that
// might are made when all else is there, so nothing is written through a link of the archive. What is only
// half there is an error: a disk that is full, an archive that is cut off. A file takes its name when it is
// whole (gzip and its like), or is taken away again (tar, cpio). Memory is bounded whatever a stream asks
// for.
package archive

import (
	"maps"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

// Commands are those of this room.
func Commands() map[string]command.Command {
	all := packers()
	maps.Copy(all, map[string]command.Command{"tar": tarCommand, "cpio": cpioCommand})
	return all
}
