package toml

func netbootKeys() []Key {
	keys := []Key{
		{Name: "server", Type: typeString, Unit: "host name", Required: true,
			Range:   "a name in hosts with an IPv4 address",
			Example: `"store"`, Doc: "The host that serves boot files by TFTP; {server} in the templates below is its IPv4 address."},
	}
	keys = append(keys, schemeKeys()...)
	keys = append(keys, Key{Name: "hosts", Type: typeStrings, Unit: "host names or patterns", Required: true,
		Range: "* for any characters, ? for one, [a-f] for one of these", Example: `["web*", "db1"]`,
		Doc: "Who boots from the network; each needs an address in hosts, and a MAC in ethers or a [[port]]."})
	for i := range keys {
		keys[i].Table = "[netboot]"
	}
	return keys
}

// schemeKeys are the templates that say what hosts boot from.
func schemeKeys() []Key {
	const file, aFile, same = "at most 127 bytes", "template of a TFTP file", "The same for "
	return []Key{
		{Name: "initiator", Type: typeString, Unit: "template of an iSCSI name",
			Default: "the client's own choice",
			Range:   "iqn., eui. or naa. name (RFC 7143), different for every host",
			Example: `"iqn.2011-03.example.home:{name}"`,
			Doc:     "The name by which a host logs in to its iSCSI target (DHCP option 203)."},
		{Name: "root-path", Type: typeString, Unit: "template of an iSCSI root path", Default: "none",
			Range:   "RFC 4173 with an address, LUN 0 to 9, at most 255 bytes, different for every host",
			Example: `"iscsi:{server}:::1:iqn.2011-03.example.home:{name}.root"`,
			Doc:     "The disk that a host boots from (DHCP option 17)."},
		{Name: "root-path2", Type: typeString, Unit: "template of an iSCSI root path", Default: "none",
			Range:   "the same",
			Example: `"iscsi:192.168.33.10:::1:iqn.2011-03.example.home:{name}.root"`,
			Doc:     "A second way to the same disk, for iSCSI adapters (option 43.202)."},
		{Name: "chap-user", Type: typeString, Unit: "template of a name",
			Default: "the target wants no proof",
			Range:   "at most 64 letters, digits and \".\", \":\", \"@\", \"_\", \"-\"; with chap-secret-file", Example: `"{name}"`, Doc: "By what name iPXE proves to the target that it is the host: CHAP (RFC 7143 12.1.3), which goes on in the iBFT: [netboot.md](netboot.md#chap)."},
		{Name: "chap-secret-file", Type: typeString, Unit: "template of a file of the site", Default: "none",
			Range:   "one line of 12 to 64 bytes",
			Example: `"chap/{name}"`, Doc: "The file that holds the secret. It is never shown, but it is told to the host over the LAN in clear."},
		{Name: "chap-mutual-user", Type: typeString, Unit: "template of a name",
			Default: "the target proves nothing", Range: "the same; with chap-mutual-secret-file",
			Example: `"store"`, Doc: "By what name the target proves that it is the right one."},
		{Name: "chap-mutual-secret-file", Type: typeString, Unit: "template of a file of the site",
			Default: "none", Range: "the same; another secret",
			Example: `"chap/store"`, Doc: "The file that holds its secret."},
		{Name: "script", Type: typeString, Unit: "template of a URL", Default: "none",
			Range:   "http, https or tftp, at most 255 bytes",
			Example: `"http://{server}/boot.ipxe"`,
			Doc:     "What iPXE is told to run; without it iPXE boots from the root path."},
		{Name: "http", Type: typeString, Unit: "template of a URL", Default: "UEFI HTTP boot is told nothing",
			Range:   "http or https, ends in a slash, at most 127 bytes",
			Example: `"http://{server}/"`, Doc: "Where UEFI HTTP boot finds the files below."},
		{Name: "bios", Type: typeString, Unit: aFile, Default: "none", Range: file,
			Example: `"undionly.kpxe"`, Doc: "What a network card's own PXE is told to load on BIOS; iPXE itself does not need it."},
		{Name: "uefi", Type: typeString, Unit: aFile, Default: "none", Range: file, Example: `"ipxe.efi"`,
			Doc: same + "x86-64 UEFI."},
		{Name: "uefi-arm64", Type: typeString, Unit: aFile, Default: "none", Range: file,
			Example: `"ipxe-arm64.efi"`, Doc: same + "ARM64 UEFI."},
		{Name: "uefi-ia32", Type: typeString, Unit: aFile, Default: "none", Range: file,
			Example: `"ipxe-ia32.efi"`, Doc: same + "32-bit x86 UEFI."},
		{Name: "uefi-arm32", Type: typeString, Unit: aFile, Default: "none", Range: file,
			Example: `"ipxe-arm32.efi"`, Doc: same + "32-bit ARM UEFI."},
		{Name: "uefi-riscv64", Type: typeString, Unit: aFile, Default: "none", Range: file,
			Example: `"ipxe-riscv64.efi"`, Doc: same + "64-bit RISC-V UEFI."},
		{Name: "uefi-loong64", Type: typeString, Unit: aFile, Default: "none", Range: file,
			Example: `"ipxe-loong64.efi"`, Doc: same + "LoongArch64 UEFI."},
		{Name: "files", Type: typeOptions, Unit: "templates of TFTP files by number", Default: "none",
			Range:   "at most 32; 0 to 65535 (IANA: Processor Architecture Types); a URL too for those over HTTP",
			Example: `{ 22 = "u-boot.img" }`, Doc: same +
				"any other architecture (option 93): 21 and 22 are U-Boot on ARM, 41 is a Raspberry Pi."},
	}
}
