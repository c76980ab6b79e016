package disks

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// optionFlags are options that are bits of mount(2), set or taken away; the others are for the file system.
func optionFlags() map[string]struct{ set, clear uintptr } {
	type bits = struct{ set, clear uintptr }
	return map[string]bits{
		"loop": {}, "defaults": {}, "_netdev": {}, "user": {}, "users": {}, "noauto": {}, "sw": {}, "swap": {}, "nofail": {},
		"ro": {set: unix.MS_RDONLY}, "rw": {clear: unix.MS_RDONLY}, "remount": {set: unix.MS_REMOUNT},
		"nosuid": {set: unix.MS_NOSUID}, "suid": {clear: unix.MS_NOSUID},
		"nodev": {set: unix.MS_NODEV}, "dev": {clear: unix.MS_NODEV},
		"noexec": {set: unix.MS_NOEXEC}, "exec": {clear: unix.MS_NOEXEC},
		"sync": {set: unix.MS_SYNCHRONOUS}, "async": {clear: unix.MS_SYNCHRONOUS}, "dirsync": {set: unix.MS_DIRSYNC},
		"noatime": {set: unix.MS_NOATIME}, "atime": {clear: unix.MS_NOATIME},
		"nodiratime": {set: unix.MS_NODIRATIME}, "diratime": {clear: unix.MS_NODIRATIME},
		"relatime": {set: unix.MS_RELATIME}, "norelatime": {clear: unix.MS_RELATIME},
		"strictatime": {set: unix.MS_STRICTATIME}, "nostrictatime": {clear: unix.MS_STRICTATIME},
		"lazytime": {set: unix.MS_LAZYTIME}, "nolazytime": {clear: unix.MS_LAZYTIME},
		"nosymfollow": {set: unix.MS_NOSYMFOLLOW}, "mand": {set: unix.MS_MANDLOCK}, "nomand": {clear: unix.MS_MANDLOCK},
		"loud": {clear: unix.MS_SILENT},
		"bind": {set: unix.MS_BIND}, "rbind": {set: unix.MS_BIND | unix.MS_REC}, "move": {set: unix.MS_MOVE},
		"make-shared": {set: unix.MS_SHARED}, "make-rshared": {set: unix.MS_SHARED | unix.MS_REC},
		"make-slave": {set: unix.MS_SLAVE}, "make-rslave": {set: unix.MS_SLAVE | unix.MS_REC},
		"make-private": {set: unix.MS_PRIVATE}, "make-rprivate": {set: unix.MS_PRIVATE | unix.MS_REC},
		"make-unbindable": {set: unix.MS_UNBINDABLE}, "make-runbindable": {set: unix.MS_UNBINDABLE | unix.MS_REC},
	}
}

// sharing are the flags of how mounts spread between name spaces.
const sharing = unix.MS_SHARED | unix.MS_SLAVE | unix.MS_PRIVATE | unix.MS_UNBINDABLE

// options are those of a mount, apart.
type options struct {
	flags  uintptr
	data   []string // for the file system
	noAuto bool     // not with -a
	noFail bool     // what is not there is no error
	write  bool     // "rw" was said: nothing less will do
}

func parseOptions(list string) options {
	o := options{flags: unix.MS_SILENT}
	known := optionFlags()
	for word := range strings.SplitSeq(list, ",") {
		name := strings.ToLower(word)
		bits, ok := known[name]
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
