package disks

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// An optionBit is an option that is bits of mount(2), set or taken away.
type optionBit struct {
	name       string
	set, clear uintptr
}

// optionBits are all of these; other options are for the file system.
func optionBits() []optionBit {
	return []optionBit{
		{"loop", 0, 0}, {"defaults", 0, 0}, {"_netdev", 0, 0}, {"user", 0, 0}, {"users", 0, 0},
		{"noauto", 0, 0}, {"sw", 0, 0}, {"swap", 0, 0}, {"nofail", 0, 0}, {"ro", unix.MS_RDONLY, 0},
		{"rw", 0, unix.MS_RDONLY}, {"remount", unix.MS_REMOUNT, 0}, {"nosuid", unix.MS_NOSUID, 0},
		{"suid", 0, unix.MS_NOSUID}, {"nodev", unix.MS_NODEV, 0}, {"dev", 0, unix.MS_NODEV},
		{"noexec", unix.MS_NOEXEC, 0}, {"exec", 0, unix.MS_NOEXEC}, {"sync", unix.MS_SYNCHRONOUS, 0},
		{"async", 0, unix.MS_SYNCHRONOUS}, {"dirsync", unix.MS_DIRSYNC, 0},
		{"noatime", unix.MS_NOATIME, 0}, {"atime", 0, unix.MS_NOATIME},
		{"nodiratime", unix.MS_NODIRATIME, 0}, {"diratime", 0, unix.MS_NODIRATIME},
		{"relatime", unix.MS_RELATIME, 0}, {"norelatime", 0, unix.MS_RELATIME},
		{"strictatime", unix.MS_STRICTATIME, 0}, {"nostrictatime", 0, unix.MS_STRICTATIME},
		{"lazytime", unix.MS_LAZYTIME, 0}, {"nolazytime", 0, unix.MS_LAZYTIME},
		{"nosymfollow", unix.MS_NOSYMFOLLOW, 0}, {"mand", unix.MS_MANDLOCK, 0},
		{"nomand", 0, unix.MS_MANDLOCK}, {"loud", 0, unix.MS_SILENT}, {"bind", unix.MS_BIND, 0},
		{"rbind", unix.MS_BIND | unix.MS_REC, 0}, {"move", unix.MS_MOVE, 0},
		{"make-shared", unix.MS_SHARED, 0}, {"make-rshared", unix.MS_SHARED | unix.MS_REC, 0},
		{"make-slave", unix.MS_SLAVE, 0}, {"make-rslave", unix.MS_SLAVE | unix.MS_REC, 0},
		{"make-private", unix.MS_PRIVATE, 0}, {"make-rprivate", unix.MS_PRIVATE | unix.MS_REC, 0},
		{"make-unbindable", unix.MS_UNBINDABLE, 0},
		{"make-runbindable", unix.MS_UNBINDABLE | unix.MS_REC, 0},
	}
}

// bitOf is an option's entry; ok is false if it is none of them.
func bitOf(name string) (bit optionBit, ok bool) {
	name = strings.ToLower(name)
	for _, b := range optionBits() {
		if b.name == name {
			return b, true
		}
	}
	return optionBit{}, false
}

// sharing are the flags of how mounts spread between name spaces.
const sharing = unix.MS_SHARED | unix.MS_SLAVE | unix.MS_PRIVATE | unix.MS_UNBINDABLE

// options are those of a mount, apart.
type options struct {
	flags  uintptr
	data   []string // for the file system
	noAuto bool     // not with -a
	noFail bool     // what is not there is no error
	write  bool     // "rw" was said
}

// fresh reports whether something is to be mounted that was not.
func (o options) fresh() bool { return o.flags&(unix.MS_REMOUNT|unix.MS_BIND|unix.MS_MOVE) == 0 }

func parseOptions(list string) options {
	o := options{flags: unix.MS_SILENT}
	for word := range strings.SplitSeq(list, ",") {
		name := strings.ToLower(word)
		bits, ok := bitOf(name)
		switch {
		case name == "noauto" || name == "sw" || name == "swap":
			o.noAuto = true
		case name == "nofail":
			o.noFail = true
		case name == "rw":
			o.write = true
		}
		if ok {
			o.flags = o.flags&^bits.clear | bits.set
		} else if word != "" && !strings.HasPrefix(name, "comment=") {
			o.data = append(o.data, word)
		}
	}
	return o
}

// cut takes an option like offset=4096 from those for the file system; "" if there is none.
func (o *options) cut(name string) (value string) {
	o.data = slices.DeleteFunc(o.data, func(word string) bool {
		v, found := strings.CutPrefix(word, name+"=")
		if found {
			value = v
		}
		return found
	})
	return value
}

// joined is a list with the options of another that are not in it.
func joined(list, more string) string {
	for word := range strings.SplitSeq(more, ",") {
		switch {
		case word == "" || slices.Contains(strings.Split(list, ","), word):
		case list == "":
			list = word
		default:
			list += "," + word
		}
	}
	return list
}

// typeMatches reports whether a type is in a list, or not in it if that begins with "no".
func typeMatches(kind, list string) bool {
	if list == "" {
		return true
	}
	rest, no := strings.CutPrefix(list, "no")
	return slices.Contains(strings.Split(rest, ","), kind) != no
}

// optionsMatch reports whether all of want are in a list: "no" before one has it not be there.
func optionsMatch(list, want string) bool {
	have := strings.Split(list, ",")
	for word := range strings.SplitSeq(want, ",") {
		name, no := strings.CutPrefix(word, "no")
		if word != "" && slices.Contains(have, name) == no {
			return false
		}
	}
	return true
}
