(* SPDX-License-Identifier: MIT

   An echo server with Lwt_unix, a promise chain for each connection. Prints its port and serves until it is killed. *)

open Lwt.Infix

let rec write_all fd buf pos len =
  if len = 0 then Lwt.return_unit
  else Lwt_unix.write fd buf pos len >>= fun n -> write_all fd buf (pos + n) (len - n)

let rec echo fd buf =
  Lwt_unix.read fd buf 0 (Bytes.length buf) >>= function
  | 0 -> Lwt.return_unit
  | n -> write_all fd buf 0 n >>= fun () -> echo fd buf

let serve fd =
  Lwt_unix.setsockopt fd Unix.TCP_NODELAY true;
  Lwt.finalize (fun () -> echo fd (Bytes.create 4096)) (fun () -> Lwt_unix.close fd)

let rec accept_all listener =
  Lwt_unix.accept listener >>= fun (fd, _) ->
  Lwt.async (fun () -> serve fd);
  accept_all listener

let main () =
  let listener = Lwt_unix.socket Unix.PF_INET Unix.SOCK_STREAM 0 in
  Lwt_unix.bind listener (Unix.ADDR_INET (Unix.inet_addr_loopback, 0)) >>= fun () ->
  Lwt_unix.listen listener 4096;
  (match Lwt_unix.getsockname listener with
  | Unix.ADDR_INET (_, port) -> Printf.printf "%d\n%!" port
  | Unix.ADDR_UNIX _ -> assert false);
  accept_all listener

let engine = if Lwt_config._HAVE_LIBEV then "libev" else "select"

let () =
  if Array.length Sys.argv > 1 && Sys.argv.(1) = "--version" then
    Printf.printf "Lwt on %s, OCaml %s\n" engine Sys.ocaml_version
  else begin
    if Lwt_config._HAVE_LIBEV then Lwt_engine.set (new Lwt_engine.libev ());
    Lwt_main.run (main ())
  end
