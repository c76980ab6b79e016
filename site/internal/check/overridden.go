package check

import (
	"fmt"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/option"
	"github.com/gatehouse-os/gatehouse/site/internal/model"
)

// overridden returns the key of netboot by which a boot stage has its own value in place of an option of the
// host, "" if none has, and what it is that is said twice.
func overridden(n *model.HostNetboot, o model.Option) (key, what string) {
	what = optionKey(o.Code)
	switch {
	case o.Code == 17 && n.RootPath != "":
		return "root-path", what
	case o.Code == 60 && n.HTTP != "": // the firmware takes no offer without its own
		return "http", what
	case o.Code == 66:
		return profileServer, what
	case o.Code == 67 && n.Script != "":
		return "script", what
	case o.Code == 67:
		return fileKey(n), what
	case o.Code == 203 && n.Initiator != "":
		return "initiator", what
	case o.Code == 43 || o.Code == 175:
		for sub := range option.Within(o.Data) {
			if key := withinOption(n, o.Code, sub.Code); key != "" {
				return key, fmt.Sprintf("%s.%d", what, sub.Code)
			}
		}
	}
	return "", ""
}

// withinOption returns the key that says the same as an option within one: what iSCSI adapters read (43), and
// iPXE.
func withinOption(n *model.HostNetboot, code, sub byte) string {
	switch {
	case code == 43 && sub == 201 && n.RootPath != "":
		return "root-path"
	case code == 43 && sub == 202 && n.RootPath2 != "":
		return "root-path2"
	case code == 43 && sub == 203 && n.Initiator != "":
		return "initiator"
	case code == 175 && (sub == 8 || sub == 9) && n.Install:
		return profileInstall
	}
	return ""
}

// fileKey returns a key that names a boot file of the host, "" if none does.
func fileKey(n *model.HostNetboot) string {
	for _, f := range []struct{ key, file string }{
		{"bios", n.BIOS}, {"uefi", n.UEFI}, {"uefi-arm64", n.UEFIARM64}, {"uefi-ia32", n.UEFIIA32},
		{"uefi-arm32", n.UEFIARM32},
		{"uefi-riscv64", n.UEFIRISCV64}, {"uefi-loong64", n.UEFILoong64},
	} {
		if f.file != "" {
			return f.key
		}
	}
	first := -1
	for arch := range n.Files {
		if first < 0 || int(arch) < first {
			first = int(arch)
		}
	}
	if first < 0 {
		return ""
	}
	return fmt.Sprintf("files.%d", first)
}
