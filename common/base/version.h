/* common/base/version.h — the product's version, from CMake.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

extern const char hm_version[]; /* "0.1.0" */
