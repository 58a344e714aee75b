#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The same input and networks give the same bytes: run again, with one thread
and two, and with batches of 1, 8 and 16."""
from harness import drawn_video, film, film_networks, from_file, main
from harness import same_bytes, test


@test
def the_film():
    same_bytes(['filesrc', 'location=%s/film.y4m' % film(), '!', 'decodebin'],
               film_networks(), 'film')


@test
def the_film_with_people_named_online():
    # no leaky queue and no clock: the same frames in every run
    same_bytes(['filesrc', 'location=%s/film.y4m' % film(), '!', 'decodebin'],
               film_networks(), 'online', cluster=['mode=online'])


@test
def drawn_people_and_the_networks_that_ship():
    same_bytes(from_file(drawn_video()), ([], []), 'drawn')


if __name__ == '__main__':
    main()
