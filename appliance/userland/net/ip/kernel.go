package ip

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// whole asks the kernel for a list, again when the list changed meanwhile.
func whole[T any](list func() ([]T, error)) ([]T, error) {
	var all []T
	var err error
	for range 10 {
		if all, err = list(); !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
	}
	return all, err
}

// explain says to a person what an error of the kernel means for a change of what.
func explain(what string, err error) error {
	if err == nil {
		return nil
	}
	for _, known := range []struct {
		errno   error
		meaning string
	}{
		{unix.EPERM, "only root (CAP_NET_ADMIN) may do that"},
		{unix.EEXIST, "it is there already"},
		{unix.ESRCH, "there is no such route"},
		{unix.EADDRNOTAVAIL, "there is no such address"},
		{unix.ENOENT, "there is no such entry"},
		{unix.ENETUNREACH, "the gateway is in no network of this box"},
		{unix.EHOSTUNREACH, "the gateway is in no network of this box"},
		{unix.ENETDOWN, "the link is down"},
		{unix.ERANGE, "the number is not in the range of the link"},
		{unix.EOPNOTSUPP, "this kernel or link cannot do that"},
		{unix.EINVAL, "the kernel refuses it"},
	} {
		if errors.Is(err, known.errno) {
			return refused{fmt.Errorf("%s: %s (%w)", what, known.meaning, err)}
		}
	}
	return refused{fmt.Errorf("%s: %w", what, err)}
}

// linkNames are the names of all links by their index.
type linkNames map[int]string

// of returns the name of the link with the index.
func (n linkNames) of(index int) string {
	if name, ok := n[index]; ok {
		return name
	}
	return "if" + strconv.Itoa(index)
}

// readLinkNames asks the kernel for the names of all links.
func readLinkNames() (linkNames, error) {
	links, err := readLinks()
	if err != nil {
		return nil, err
	}
	return namesOfLinks(links), nil
}

// namesOfLinks indexes links.
func namesOfLinks(links []link) linkNames {
	names := linkNames{}
	for _, l := range links {
		names[l.Index] = l.Name
	}
	return names
}
