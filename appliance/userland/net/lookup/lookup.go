// Package lookup is dig, host and nslookup: what name servers answer, as the commands of those names print
// it. Messages are miekg/dns's; how a record looks is as BIND's dig has it, so scripts that read one read the
// other. Names and texts of a reply are a stranger's, and none of their bytes reaches a terminal but as
// printable ASCII.
//
// Not here: what a reply proves (DNSSEC), TSIG, DNS over TLS and HTTPS, names with letters beyond ASCII. What
// is not known is refused.
package lookup

import "github.com/gatehouse-os/gatehouse/appliance/userland/command"

// Commands are those of this room.
func Commands() map[string]command.Command {
	return map[string]command.Command{
		"dig": {Usage: "[@SERVER] [NAME] [TYPE] [CLASS] [+OPTION]...", Help: digHelp, Raw: true, Run: dig},
		"host": {
			Usage: "[-aCdlrTvw46] [-t TYPE] [OPTION]... NAME [SERVER]", Help: hostHelp,
			Letters: "aCdlrsTUvwc:N:t:W:R:p:46", Run: host,
		},
		"nslookup": {Usage: "[-type=TYPE]... [-debug] NAME [SERVER]", Help: nslookupHelp, Raw: true,
			Run: nslookup},
	}
}
