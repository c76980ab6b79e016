// Package fetch is wget and curl: files and answers of HTTP and HTTPS servers, on net/http. wget does what
// busybox's does, curl what people type of Debian's, with its exit statuses. Certificates are checked,
// against the authorities of package trust where the disk has none.
//
// A server is a stranger: what it says in headers is escaped before a terminal gets it, they are at most 1
// MB, redirects are counted, and passwords and cookies go to no other host than the one that they were given
// for. That a file is not whole is an error, and its part stays, for -c and -C -.
package fetch

import "github.com/gatehouse-os/gatehouse/appliance/userland/command"

// Commands are those of this room.
func Commands() map[string]command.Command {
	return map[string]command.Command{
		"curl": {Usage: "[-sSfLiIvk] [-o FILE | -O] [-d DATA] [OPTION]... URL...", Help: curlHelp,
			Trouble: writeStatus, Raw: true, Run: curl},
		"wget": {Usage: "[-cqS] [-O FILE] [-P DIR] [-T SECONDS] [OPTION]... URL...", Help: wgetHelp,
			Letters: "+cqSO:o:P:Y:U:T:t:" + wgetSpider + wgetHeader + ":" + wgetData + ":" + wgetFile + ":" +
				wgetInsecure, Long: wgetLong(), Run: wget},
	}
}
