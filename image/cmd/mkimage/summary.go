package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/gatehouse-os/gatehouse/image"
	"github.com/gatehouse-os/gatehouse/site"
)

// summarise tells what was made of the site in a directory, and what to do with it; not if it is only to be
// tried, with a key that is not the site's.
func (m *made) summarise(w io.Writer, s *site.Site, dir string, tried bool) error {
	netboot := 0
	for _, h := range s.Hosts {
		if h.Netboot != nil {
			netboot++
		}
	}
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintf(t, "%s.%s: %s, %s, %d of them started from the network\n\n", s.Name, s.Domain,
		count(len(s.LANs), "network"), count(len(s.Hosts), "host"), netboot)
	row := func(name, size, text string) { fmt.Fprintf(t, "  %s\t%s\t%s\n", m.shown(name), size, text) }
	root := "the root disk, " + megabytes(m.content) + " of it in use"
	if m.sector != 512 {
		root += fmt.Sprintf("; for disks with sectors of %d bytes", m.sector)
	}
	row(image.RootFile, megabytes(m.manifest.Disk.Size), root)
	row(image.KernelFile, megabytes(m.manifest.Kernel.Size),
		strings.TrimSpace("Linux "+m.manifest.Kernel.Version))
	perm := "for what must last: leases and host keys"
	if m.keptPerm {
		perm += " (was there, left as it is)"
	}
	row(image.PermFile, megabytes(image.PermSize), perm)
	row(image.DomainFile, "", m.bridges())
	row(image.ManifestFile, "", "what is in them, with hashes")
	if !tried {
		fmt.Fprintf(t, "\nmake run SITE=%s\tstarts it in QEMU\nxl create -c %s\tstarts it on a Xen host\n",
			dir, m.shown(image.DomainFile))
	}
	return t.Flush()
}

// bridges says which bridge of the Xen host is for what.
func (m *made) bridges() string {
	var uses []string
	for _, v := range m.domain.Vifs {
		uses = append(uses, v.Bridge+" is "+v.Comment)
	}
	return "for Xen: " + strings.Join(uses, "; ")
}

// shown is the path of a file as a person in this directory would type it.
func (m *made) shown(name string) string {
	full := filepath.Join(m.dir, name)
	dir, err := os.Getwd()
	if err != nil {
		return full
	}
	if short, err := filepath.Rel(dir, full); err == nil && !strings.HasPrefix(short, "..") {
		return short
	}
	return full
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }
