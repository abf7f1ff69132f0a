"""Stories by name: how the host is made, and how it is told.

SPDX-License-Identifier: Apache-2.0
"""
from stories import exchange, mail, payroll, sbs

STORIES = {**payroll.STORIES, **exchange.STORIES, **sbs.STORIES,
           **mail.STORIES}
