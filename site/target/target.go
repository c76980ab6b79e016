// Package target has the commands by which a machine becomes the iSCSI target of a host that boots from the
// network: those of tgt (tgtadm(8)) and of LIO (targetcli(8)), as a script for sh.
//
// All of it is a function of the site; nothing is looked up on a machine. What the site does not know is
// where the disk lies, which the script takes as its argument. It has no secret in it: it reads them of the
// site's own files, in whose directory it is to be run.
package target

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/gatehouse-os/gatehouse/site"
)

// Kind is a program that makes targets.
type Kind string

// The kinds.
const (
	TGT Kind = "tgt" // tgtd, in user space
	LIO Kind = "lio" // the kernel's own
)

// ParseKind reads the name of a kind.
func ParseKind(s string) (Kind, error) {
	switch k := Kind(s); k {
	case TGT, LIO:
		return k, nil
	}
	return "", fmt.Errorf("%q makes no targets; expected tgt or lio", s)
}

// Script renders the commands for the target of a host of s. What of the site is in the way is the error.
func Script(s *site.Site, h site.Host, kind Kind) (string, error) {
	n := h.Netboot
	switch {
	case n == nil:
		return "", fmt.Errorf("%s does not boot from the network: no pattern of hosts under [netboot] in site.toml matches it", h.Name)
	case n.Target == "":
		return "", fmt.Errorf("%s has no target: the site has no root-path under [netboot]", h.Name)
	case kind == TGT && lunOf(n.RootPath) == 0:
		return "", fmt.Errorf("LUN 0, which the root path %s of %s has, is the controller of tgt; expected another in root-path", n.RootPath, h.Name)
	case kind == LIO && n.Initiator == "":
		return "", fmt.Errorf("%s has no initiator, by which LIO knows who may log in: the site has no initiator under [netboot]", h.Name)
	}
	t := text{name: h.Name, target: n.Target, initiator: n.Initiator, lun: lunOf(n.RootPath), chap: n.CHAP}
	t.line("#!/bin/sh -e")
	t.line("# The iSCSI target of %s. Made from the site of %s.%s by: gatehouse host %s --target=%s", h.Name,
		s.Name, s.Domain, h.Name, kind)
	t.line("# To be run as root on %s, with the disk, a file or a block device, as its argument.", n.Server)
	if n.CHAP != nil {
		t.line("# It is to be run in the directory of the site, or where copies of its secrets lie; they go on a command line.")
	}
	t.line(`disk=${1:?expected the disk}`)
	if kind == LIO {
		t.lio()
	} else {
		t.tgt()
	}
	return t.b.String(), nil
}

// lunOf is the number of the disk within its target: the fourth part from the end of a root path.
func lunOf(rootPath string) int {
	rest := rootPath
	if _, after, ok := strings.Cut(rest, "]"); ok { // an IPv6 address
		rest = "iscsi:" + after
	}
	parts := strings.SplitN(rest, ":", 6)
	if len(parts) < 6 {
		return 0
	}
	lun, _ := strconv.Atoi(parts[4]) // none is 0 (RFC 4173 5)
	return lun
}

// text is a script that grows.
type text struct {
	b                       strings.Builder
	name, target, initiator string
	lun                     int
	chap                    *site.CHAP
}

func (t *text) line(format string, args ...any) { fmt.Fprintf(&t.b, format+"\n", args...) }

// tgt writes it for tgtadm. A target's number is the first that is free.
func (t *text) tgt() {
	t.line(`tid=$(tgtadm --lld iscsi --op show --mode target | sed -n 's/^Target \([0-9]*\):.*/\1/p' | sort -n | tail -n 1)`)
	t.line(`tid=$((${tid:-0} + 1))`)
	t.line("tgtadm --lld iscsi --op new --mode target --tid $tid --targetname %s", t.target)
	t.line(`tgtadm --lld iscsi --op new --mode logicalunit --tid $tid --lun %d --backing-store "$disk"`,
		t.lun)
	if c := t.chap; c != nil {
		t.account(c.Own)
		t.line("tgtadm --lld iscsi --op bind --mode account --tid $tid --user %s", c.Own.User)
		if m := c.Mutual; m != nil {
			t.account(*m)
			t.line("tgtadm --lld iscsi --op bind --mode account --tid $tid --user %s --outgoing", m.User)
		}
	}
	if t.initiator != "" {
		t.line("tgtadm --lld iscsi --op bind --mode target --tid $tid --initiator-name %s", t.initiator)
	} else {
		t.line("tgtadm --lld iscsi --op bind --mode target --tid $tid --initiator-address ALL")
	}
}

// account makes one of tgt, unless another target has it.
func (t *text) account(p site.Proof) {
	t.line("tgtadm --lld iscsi --op show --mode account | grep -qxF '    %s' ||", p.User)
	t.line("\ttgtadm --lld iscsi --op new --mode account --user %s --password %s", p.User, fromFile(p))
}

// lio writes it for targetcli, whose portal is 0.0.0.0:3260 by itself.
func (t *text) lio() {
	group := "/iscsi/" + t.target + "/tpg1"
	acl := group + "/acls/" + t.initiator
	t.line(`kind=fileio; if [ -b "$disk" ]; then kind=block; fi`)
	t.line(`targetcli /backstores/$kind create %s "$disk"`, t.name)
	t.line("targetcli /iscsi create %s", t.target)
	t.line("targetcli %s/luns create /backstores/$kind/%s lun=%d", group, t.name, t.lun)
	if t.chap != nil { // before anybody may log in
		t.line("targetcli %s set attribute authentication=1", group)
	}
	t.line("targetcli %s/acls create %s", group, t.initiator)
	if c := t.chap; c != nil {
		t.line(`targetcli %s set auth userid=%s password=%s`, acl, c.Own.User, fromFile(c.Own))
		if m := c.Mutual; m != nil {
			t.line(`targetcli %s set auth mutual_userid=%s mutual_password=%s`, acl, m.User, fromFile(*m))
		}
	}
	t.line("targetcli saveconfig")
}

// fromFile has the shell read a secret.
func fromFile(p site.Proof) string {
	return `"$(cat ` + quote(p.File) + `)"`
}

// quote makes one word of the shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
